"""How events leave for Sentry: by the SDK's transport, which knows what Sentry limits, and a client of ours. Nothing
waits for it: what finds the queue full is lost, and told once a minute.
"""

from __future__ import annotations

import ssl
import threading
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from fairlead.clock import Clock
from fairlead.telemetry.collector import Answer, Direct
from fairlead.telemetry.emit import Emit
from fairlead.telemetry.redact import Redactor

_MINUTE = 60.0  # seconds
_SENT = frozenset(("event", "transaction", "client_report"))
_GATHER, _MOST_GATHERED = 1.0, 20  # seconds that durations wait for others, and how many do
_MOST_WAITING = 200


class Losses:
    """Tells once a minute how many events did not get to Sentry."""

    def __init__(self, clock: Clock, emit: Emit) -> None:
        self._clock = clock
        self._emit = emit
        self._count = 0
        self._told: float | None = None

    def __call__(self, reason: str) -> None:
        self._count += 1
        now = self._clock.monotonic()
        if self._told is None or now - self._told >= _MINUTE:
            self._told, count, self._count = now, self._count, 0
            self._emit("sentry_unreachable", reason=reason, count=count)


def transport(http: Any, redactor: Redactor, lost: Callable[[str], None]) -> Any:
    class Transport(http):
        """Sends what went past us, and nothing else: no attachments, profiles, logs. The head of an envelope names its
        transaction, which an agent may have named."""

        TIMEOUT = 10  # seconds; the queue is what waits

        def __init__(self, options: Any) -> None:
            http.__init__(self, options)
            self._gathered: deque[Callable[[], Any]] = deque()
            self._handed_over = False
            self._hurry = threading.Event()
            self._direct = _direct_to(self)

        def gather(self, make: Callable[[], Any]) -> None:
            """Durations can wait a moment. Made and sent together they cost a third: each alone would find nothing of
            what it needs in the caches of a busy processor."""
            if len(self._gathered) >= _MOST_WAITING:
                lost("full_queue")
                return
            self._gathered.append(make)
            if len(self._gathered) >= _MOST_GATHERED:
                self._hurry.set()
            if not self._handed_over:
                self._handed_over = True
                if not self._worker.submit(self._send_gathered):
                    self._handed_over = False
                    self._lose("full_queue")

        def _send_gathered(self) -> None:
            """On the SDK's thread, which has nothing else to do: an error would make it hurry."""
            self._hurry.wait(_GATHER)
            self._hurry.clear()
            self._handed_over = False
            while make := self._next():
                try:
                    envelope = make()
                except Exception as error:  # noqa: BLE001 - one that can't be made costs no other
                    lost(type(error).__name__)
                    continue
                try:
                    self._send_envelope(envelope)
                except Exception:  # noqa: BLE001 - the SDK has counted it; the others would fare no better
                    self._lose("network")

        def _lose(self, reason: str) -> None:
            while self._next():
                lost(reason)

        def _next(self) -> Callable[[], Any] | None:
            try:
                return self._gathered.popleft()
            except IndexError:  # none, or another thread was quicker
                return None

        def flush(self, *how: Any, **more: Any) -> Any:
            self._hurry.set()
            return http.flush(self, *how, **more)

        def kill(self) -> None:
            http.kill(self)
            self._hurry.set()
            if self._direct is not None:
                self._direct.close()

        def _request(self, method: str, endpoint_type: Any, body: bytes, headers: Mapping[str, str]) -> Any:
            """Past the SDK's client, which takes twice as long for it."""
            if self._direct is not None:
                answer = self._direct.post(body, headers)
                if not 300 <= answer.status < 400:
                    return _Answered(answer)
                self._direct.close()  # it has moved: the SDK's client goes after it
                self._direct = None
            return http._request(self, method, endpoint_type, body, headers)

        def capture_envelope(self, envelope: Any) -> None:
            envelope.items = [item for item in envelope.items if item.headers.get("type") in _SENT]
            trace = envelope.headers.get("trace")
            if trace and "transaction" in trace:
                envelope.headers["trace"] = {**trace, "transaction": redactor.text(str(trace["transaction"]))}
            if envelope.items:
                http.capture_envelope(self, envelope)
                self._hurry.set()

        def on_dropped_event(self, _reason: str) -> None:
            lost(_reason)

    return Transport


class _Answered:
    """As the SDK looks at an answer."""

    def __init__(self, answer: Answer) -> None:
        self.status = answer.status
        self.headers = answer.headers
        self.data = answer.content

    def close(self) -> None:
        """It was read to its end."""


def _direct_to(transport: Any) -> Direct | None:
    """None where the SDK's own client is needed: for a proxy, or a certificate of ours."""
    address = transport._auth.get_api_url()
    options = transport._get_pool_options()
    if type(transport._pool).__name__ != "PoolManager" or options.get("cert_file"):
        return None
    secure = address.startswith("https:")
    return Direct(address, ssl.create_default_context(cafile=options["ca_certs"]) if secure else None)
