"""What a webhook and a delivery are, and what is decided about them: signatures, and when to try again.

    pending ──► delivered
       │ ▲ tried again, later and later, for a day
       └─┴──► failed      a day is over, 410, a private address, the webhook removed or disabled; replayed by hand

Signatures are those of Standard Webhooks (standardwebhooks.com): HMAC-SHA256 over `id.timestamp.body`.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets as random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from fairlead.errors import InvalidInput

RUNS = "runs"
"""The id under which the `webhook` of a single run is signed, for each tenant."""

TYPES = (
    "run.success", "run.error", "run.timeout", "run.interrupted",
    "approval.requested", "approval.escalated", "approval.answered", "approval.expired",
)  # fmt: skip
DAY = timedelta(days=1)
_FIRST, _LONGEST = timedelta(seconds=5), timedelta(hours=1)
_PREFIX = "whsec_"
_SECRET_BYTES = 32


class DeliveryStatus(StrEnum):
    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Secret:
    """`until`: microseconds since 1970 to which a secret that was replaced still signs."""

    value: str
    until: int | None = None


@dataclass(frozen=True, slots=True)
class Webhook:
    tenant: str
    id: str
    url: str  # empty for `runs`: each delivery has its own
    agent: str | None
    types: tuple[str, ...]
    description: str
    secrets: tuple[Secret, ...]
    enabled: bool
    failing_since: datetime | None
    disabled_reason: str | None
    created_at: datetime
    created_by: str


@dataclass(frozen=True, slots=True)
class Attempt:
    number: int
    at: datetime
    took: timedelta
    status: int | None
    error: str | None
    answer: str | None


@dataclass(frozen=True, slots=True)
class Delivery:
    number: int
    tenant: str
    id: str
    webhook_id: str
    lane: str
    url: str | None
    run_id: str
    type: str
    data: dict[str, Any]
    body: str | None
    status: DeliveryStatus
    attempts: int
    created_at: datetime
    give_up_at: datetime
    next_at: datetime
    finished_at: datetime | None
    answer_status: int | None
    error: str | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one attempt: an answer, or none."""

    status: int | None
    error: str | None = None
    answer: str = ""
    retry_after: timedelta | None = None
    refused: bool = False  # the address is private: trying again changes nothing


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of the delivery. `next_at` counts while it is pending."""

    status: DeliveryStatus
    next_at: datetime
    gone: bool = False  # the receiver wants no more


def judge(delivery: Delivery, outcome: Outcome, *, now: datetime, luck: float) -> Verdict:
    """`luck` is between 0 and 1: it spreads the attempts of many that failed together."""
    if outcome.status is not None and 200 <= outcome.status < 300:
        return Verdict(DeliveryStatus.DELIVERED, now)
    gone = outcome.status == 410
    later = now + max(backoff(delivery.attempts, luck), outcome.retry_after or timedelta(0))
    if gone or outcome.refused or later > delivery.give_up_at:
        return Verdict(DeliveryStatus.FAILED, now, gone)
    return Verdict(DeliveryStatus.PENDING, later)


def backoff(attempt: int, luck: float) -> timedelta:
    """5 s, doubled each time up to an hour; between half and the whole of it."""
    return min(_FIRST * 2 ** min(attempt - 1, 20), _LONGEST) * (0.5 + luck / 2)


def new_secret() -> str:
    return _PREFIX + base64.b64encode(random.token_bytes(_SECRET_BYTES)).decode()


def rotated(held: Sequence[Secret], *, now: int, overlap_us: int) -> tuple[Secret, ...]:
    """A new secret in front; those before it sign for `overlap_us` more, or as long as they would have."""
    ends = now + overlap_us
    kept = (Secret(one.value, min(one.until or ends, ends)) for one in held)
    return (Secret(new_secret()), *(one for one in kept if one.until is not None and one.until > now))


def signed_headers(delivery_id: str, body: bytes, held: Sequence[Secret], *, now: int) -> dict[str, str]:
    """One signature for each secret that is good now, the newest first."""
    timestamp = str(now // 1_000_000)
    said = f"{delivery_id}.{timestamp}.".encode() + body
    good = [one for one in held if one.until is None or one.until > now]
    signatures = [base64.b64encode(hmac.digest(_key(one.value), said, "sha256")).decode() for one in good]
    return {
        "content-type": "application/json",
        "webhook-id": delivery_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(f"v1,{one}" for one in signatures),
    }


def check_types(types: Sequence[str]) -> tuple[str, ...]:
    """Raises `InvalidInput`."""
    known = {*TYPES, "*", "run.*", "approval.*"}
    wrong = sorted(set(types) - known)
    if wrong or not types:
        raise InvalidInput(
            f"There is no event type {wrong[0]!r}." if wrong else "Name at least one event type.",
            hint=f"Choose from {', '.join(TYPES)}; run.* and * are more.",
        )
    return tuple(dict.fromkeys(types))


def _key(secret: str) -> bytes:
    try:
        return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        return secret.encode()
