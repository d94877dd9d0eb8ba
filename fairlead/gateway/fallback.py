"""Ask the candidates one after another, until one answers or the caller has seen a piece of an answer."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from dataclasses import replace
from datetime import timedelta

from fairlead.clock import Clock
from fairlead.errors import (
    AllProvidersFailedError,
    AllProvidersUnavailableError,
    BrokenAnswer,
    CallsStopped,
    CircuitOpenError,
    ConfigurationError,
    FairleadError,
    ModelDenied,
    ModelError,
    ModelTimeout,
    ModelUnavailable,
)
from fairlead.gateway.provider import Complete
from fairlead.gateway.types import ModelReply, ModelRequest, split_model
from fairlead.telemetry.emit import Emit

_ELSEWHERE = (BrokenAnswer, CallsStopped, CircuitOpenError, ModelDenied, ModelTimeout, ModelUnavailable)
"""Errors of one provider that say nothing against the request: another may well answer it."""


class Fallback:
    """The first of the request's candidates that answers. Where only one was asked, its error is raised as it is."""

    def __init__(self, lines: Mapping[str, Complete], *, clock: Clock, emit: Emit) -> None:
        self._lines = lines
        self._clock = clock
        self._emit = emit

    def __call__(self, request: ModelRequest) -> Awaitable[ModelReply]:
        candidates = request.way.candidates
        if len(candidates) == 1:
            request.way.candidates, [model] = (), candidates
            return self.line(model)(request if model == request.model else replace(request, model=model))
        return self._one_after_another(request, candidates)

    def line(self, model: str) -> Complete:
        """What calls to this model's provider pass; a ConfigurationError that says which providers there are."""
        name, _ = split_model(model)
        if name not in self._lines:
            known = ", ".join(sorted(self._lines)) or "none"
            raise ConfigurationError(
                f"There is no provider {name!r} for the model {model!r}; there is: {known}.",
                hint=f"Declare it as [providers.{name}] in fairlead.toml.",
            )
        return self._lines[name]

    async def _one_after_another(self, request: ModelRequest, candidates: tuple[str, ...]) -> ModelReply:
        deadline = self._clock.monotonic() + request.timeout.total_seconds()
        failed: list[tuple[str, FairleadError]] = []
        for number, model in enumerate(candidates):
            left = timedelta(seconds=deadline - self._clock.monotonic())
            if left <= timedelta(0):
                break
            rest = request.way.candidates = candidates[number + 1 :]
            try:
                return await self.line(model)(replace(request, model=model, timeout=left))
            except _ELSEWHERE as error:
                if request.told:  # the caller holds half an answer: another one can't take its place unseen
                    raise
                failed.append((model, error))
                if rest:
                    self._tell(request, model, rest[0], error)
        raise _all_failed(failed)

    def _tell(self, request: ModelRequest, model: str, instead: str, error: FairleadError) -> None:
        who = request.caller
        self._emit(
            "llm_fallback", run_id=who.run_id, agent=who.agent, tenant=who.tenant, model=model, instead=instead,
            error=error.code, message=error.message,
        )  # fmt: skip


def _all_failed(failed: list[tuple[str, FairleadError]]) -> ModelError:
    last = failed[-1][1]
    if isinstance(last, ModelTimeout) and len(failed) == 1:
        return last
    causes = "; ".join(f"{model}: {error.message}" for model, error in failed)
    if all(isinstance(error, CircuitOpenError | CallsStopped) for _, error in failed):
        return AllProvidersUnavailableError(f"No provider may be asked at the moment. {causes}")
    made = AllProvidersFailedError(f"No model could answer. {causes}")
    made.__cause__ = last
    return made
