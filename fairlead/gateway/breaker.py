"""Leaves a provider alone that fails, and lets one call find out whether it is back."""

from __future__ import annotations

from collections.abc import Callable

from fairlead.clock import Clock
from fairlead.errors import BrokenAnswer, CircuitOpenError, ModelDenied, ModelLimited, ModelTimeout, ModelUnavailable
from fairlead.gateway.circuit import Circuit, CircuitPolicy, State
from fairlead.gateway.provider import Complete
from fairlead.gateway.types import ModelReply, ModelRequest
from fairlead.telemetry.emit import Emit

_CLOSED, _OPEN = State.CLOSED, State.OPEN  # see `circuit`
_FAIR_CHANCE = 5.0  # seconds: a caller with less patience must not take a provider from everyone


class Breaker:
    """Raises CircuitOpenError at once while the circuit is open: nothing is sent.

    A 429 is a limit, not an error; a request that the provider refuses shows that it is there.
    """

    def __init__(self, call: Complete, *, name: str, clock: Clock, emit: Emit, policy: CircuitPolicy) -> None:
        self._call = call
        self._name = name
        self._clock = clock
        self._emit = emit
        self.circuit = Circuit(policy)

    async def __call__(self, request: ModelRequest) -> ModelReply:
        circuit, started = self.circuit, self._clock.monotonic()
        before = circuit.state
        if not circuit.admits(started):
            raise self._refusal()
        if circuit.state is not before:
            self._tell()
        # Between here and the wire a call may wait for a limit or for money; meanwhile others may find out.
        way = request.way
        probe = circuit.state is not _CLOSED
        way.gate = None if probe else self._still_closed
        tried = len(way.tries)
        try:
            reply = await self._call(request)
        except (ModelUnavailable, ModelTimeout, BrokenAnswer, ModelDenied) as error:
            took = self._clock.monotonic() - started
            if len(way.tries) == tried or (isinstance(error, ModelTimeout) and took < _FAIR_CHANCE):
                self._undecided(probe)
            else:
                self._moved(circuit.answered if isinstance(error, ModelLimited) else circuit.failed)
            raise
        except BaseException:
            self._undecided(probe)
            raise
        self._moved(circuit.answered)
        return reply

    def _undecided(self, probe: bool) -> None:
        """Only the probe itself makes room for another: a call from before it opened may end while the probe is out."""
        if probe:
            self.circuit.undecided()

    def _moved(self, judge: Callable[[float], None]) -> None:
        before = self.circuit.state
        judge(self._clock.monotonic())
        if self.circuit.state is not before:
            self._tell()

    def _still_closed(self) -> None:
        if self.circuit.state is _OPEN:
            raise self._refusal()

    def _refusal(self) -> CircuitOpenError:
        left = self.circuit.opens_in(self._clock.monotonic())
        return CircuitOpenError(
            f"{self._name} is left alone for another {left:.0f} s: {self.circuit.reason}.",
            hint="Declare a fallback for this model, or look at the provider.",
        )

    def _tell(self) -> None:
        state = self.circuit.state
        self._emit(
            "provider_health", provider=self._name, state=state.value, healthy=state is State.CLOSED,
            reason=self.circuit.reason if state is State.OPEN else "",
        )  # fmt: skip
