"""From the model that was asked for to those that may answer, in order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping

from fairlead.errors import ConfigurationError
from fairlead.gateway import bounds
from fairlead.gateway.complexity import Complexity, complexity_of
from fairlead.gateway.models import Model
from fairlead.gateway.prices import Prices
from fairlead.gateway.provider import Complete
from fairlead.gateway.strategy import order, steady
from fairlead.gateway.types import Format, ModelReply, ModelRequest, split_model

_EMBEDDINGS = Format.EMBEDDINGS  # found through its class it takes ten times as long


class Route:
    """Sets the candidates. A "provider/model" is its own; a declared model has those of its targets.

    A model with tiers goes by how hard the request is; when less than `cheapest_below_nano` remains of the budget, the
    cheapest of its tiers answers.
    """

    def __init__(
        self,
        call: Complete,
        models: Mapping[str, Model],
        *,
        prices: Prices,
        random: Callable[[], float],
        cheapest_below_nano: int,
    ) -> None:
        self._call = call
        self._models = models
        self._prices = prices
        self._random = random
        self._cheapest_below_nano = cheapest_below_nano
        self._turns: Counter[str] = Counter()

    def __call__(self, request: ModelRequest) -> Awaitable[ModelReply]:
        request.way.candidates = self.candidates(request)
        return self._call(request)

    def candidates(self, request: ModelRequest) -> tuple[str, ...]:
        """Each model once, in the order in which they are to be asked. Raises ConfigurationError, InvalidInput."""
        if request.format is _EMBEDDINGS:
            return self._of_one_model(request)
        if "/" in request.model and not request.choices.fallback:
            split_model(request.model)
            return (request.model,)
        found = self._of(request.model, request)
        if request.choices.fallback:
            found = [*found, *(one for asked in request.choices.fallback for one in self._of(asked, request))]
        return tuple(dict.fromkeys(found))

    def embeds_with(self, asked: str) -> str:
        """The one model, without its provider, that makes vectors for `asked`. Raises ConfigurationError where several
        would: vectors of two models can't be compared, and nobody could see it."""
        named = {split_model(one)[1] for one in self._first_named(asked)}
        if len(named) > 1:
            raise ConfigurationError(
                f"[models.{asked}] names {', '.join(sorted(named))}: vectors of different models can't be compared.",
                hint="Give it targets with one and the same model, of one provider or several.",
            )
        return named.pop()

    def _first_named(self, asked: str) -> Collection[str]:
        if "/" in asked:
            return (asked,)
        model = self._model(asked)
        return [target.model for target in model.targets] or [
            one for tier in model.tiers.values() for one in self._first_named(tier)
        ]

    def _of_one_model(self, request: ModelRequest) -> tuple[str, ...]:
        """Only those that give the same vectors: what else is there to fall back on is of no use."""
        same = self.embeds_with(request.model)
        asked = (request.model, *(request.choices.fallback or ()))
        found = (one for each in asked for one in self._of(each, request))
        return tuple(dict.fromkeys(one for one in found if split_model(one)[1] == same))

    def may_answer(self, asked: str) -> Collection[str]:
        """Every model that a request for `asked` could come to."""
        if "/" in asked:
            split_model(asked)
            return (asked,)
        model = self._model(asked)
        named = (*[target.model for target in model.targets], *model.tiers.values(), *model.fallback)
        return [found for one in named for found in self.may_answer(one)]

    @property
    def names(self) -> Collection[str]:
        return self._models.keys()

    def _of(self, asked: str, request: ModelRequest) -> list[str]:
        if "/" in asked:
            split_model(asked)
            return [asked]
        model = self._model(asked)
        if model.tiers:
            first = self._of(model.tiers[self._tier(model, request)], request)
        else:
            first = list(self._targets(model, request))
        return [*first, *(one for other in model.fallback for one in self._of(other, request))]

    def _model(self, name: str) -> Model:
        if name in self._models:
            return self._models[name]
        known = ", ".join(sorted(self._models)) or "none"
        raise ConfigurationError(
            f"{name!r} is neither a declared model ({known}) nor a model id.",
            hint=f'Write "provider/model", for example "openai/gpt-5-mini", or declare [models.{name}].',
        )

    def _tier(self, model: Model, request: ModelRequest) -> Complexity:
        if request.way.budget.remaining_nano >= self._cheapest_below_nano:
            return complexity_of(request, model.classify)
        bound = bounds.measured(request).bound

        def costs(tier: Complexity) -> int:
            [first, *_] = self._of(model.tiers[tier], request)
            return self._prices.cost_nano(first, bound)

        return min(model.tiers, key=costs)

    def _targets(self, model: Model, request: ModelRequest) -> tuple[str, ...]:
        who = request.caller
        stays_with = (who.thread_id or who.run_id or who.user) if model.sticky else None
        random = self._random if stays_with is None else steady(f"{model.name}:{stays_with}")
        turn = self._turns[model.name] if stays_with is None else int(random() * 2**32)
        self._turns[model.name] += 1
        return order(model.strategy, model.targets, turn=turn, random=random)
