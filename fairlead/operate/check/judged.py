"""What is made of what others have seen: the API's own health, workers, queue, providers, cache. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

from fairlead.ship.checklist.answer import Found, Void
from fairlead.ship.verdict import Verdict

_QUEUE_FULL = 0.8
_WAITED = timedelta(minutes=10)
_CACHE_FULL = 0.9


@dataclass(frozen=True, slots=True)
class Asked:
    """What an address answered: a status, or why none came."""

    status: int | None
    why: str = ""


def service(live: Asked, health: Asked, body: Any) -> Found:
    """Of the API: it lives, and what it says of its own parts."""
    if live.status is None:
        return Found(Verdict.FAIL, f"It does not answer: {live.why}.")
    if live.status != 200:
        return Found(Verdict.FAIL, f"/health/live answers {live.status}: is it a Fairlead?")
    if health.status not in (200, 503) or not isinstance(body, dict) or "components" not in body:
        return Found(Verdict.COULD_NOT_ASK, f"It lives; /health answers {health.status or health.why}.")
    said_by = cast("dict[str, Any]", body)
    told: dict[str, dict[str, str]] = said_by["components"]
    unwell = [f"{name}: {one['message']}" for name, one in told.items() if one["status"] in ("unhealthy", "degraded")]
    said = f"version {said_by['version']}, {said_by['status']}" + (f" ({'; '.join(unwell)})" if unwell else "")
    # What is degraded has a look of its own here; what it can't do without counts twice.
    return Found(Verdict.FAIL if health.status == 503 else Verdict.PASS, said)


def workers(*, alive: int, draining: int, lost: int, running: int, slots: int) -> Found:
    """`lost`: declared so within the last hour."""
    said = f"{alive} alive, {running} of {slots} places taken"
    said += f", {draining} draining" if draining else ""
    said += f", {lost} lost in the last hour" if lost else ""
    return Found(Verdict.PASS if alive - draining > 0 else Verdict.FAIL, said)


def queue(*, depth: int, limit: int, waited: timedelta | None, poisoned: int, unserved: int) -> Found:
    """`waited`: the oldest. `unserved`: runs that no living worker could take. `poisoned`: given up in the last hour,
    because every worker that held them died."""
    said = f"{depth} of {limit} wait"
    said += f", the oldest for {_shown(waited)}" if waited is not None and depth else ""
    said += f", {unserved} that no worker serves" if unserved else ""
    said += f", {poisoned} given up in the last hour" if poisoned else ""
    late = waited is not None and depth > 0 and waited > _WAITED
    failed = depth >= _QUEUE_FULL * limit or late or unserved or poisoned
    return Found(Verdict.FAIL if failed else Verdict.PASS, said)


def provider(asked: Asked) -> Found:
    """By what it answers when it is asked for its models, which costs nothing. 429 is a limit: it is up."""
    match asked.status:
        case None:
            return Found(Verdict.FAIL, f"It is down: {asked.why}.")
        case 200:
            return Found(Verdict.PASS, "up, takes our key")
        case 429:
            return Found(Verdict.PASS, "up, and limits us now")
        case 401 | 403:
            return Found(Verdict.FAIL, f"It does not take our key ({asked.status}).")
        case 404 | 405 | 501:
            return Found(Verdict.COULD_NOT_ASK, f"It has no list of models ({asked.status}); only a call would tell.")
        case status if status >= 500:
            return Found(Verdict.FAIL, f"It is down: it answers {status}.")
        case status:
            return Found(Verdict.UNCLEAR, f"It answers {status}.")


def cache(*, used: int, most: int, policy: str, took: float) -> Found:
    """Of Redis: bytes; `most` 0: no limit. One that makes room by itself may be full."""
    said = f"answers in {took * 1000:.1f} ms, {used / 1e6:.1f} MB used"
    said += f" of {most / 1e6:.0f} ({policy})" if most else ", no limit"
    failed = most and policy == "noeviction" and used > _CACHE_FULL * most
    return Found(Verdict.FAIL if failed else Verdict.PASS, said)


def no_cache() -> Found:
    return Found(Void.NOT_APPLICABLE, "REDIS_URL is not set.")


def _shown(waited: timedelta) -> str:
    seconds = waited.total_seconds()
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
