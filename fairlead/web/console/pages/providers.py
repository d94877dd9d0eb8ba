"""Model providers: how each stands, what calls to it came to of late, how much of its limits is used, what it costs."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from starlette.requests import Request
from starlette.responses import Response

from fairlead.access import Principal, Role, may_for_all
from fairlead.gateway import Model
from fairlead.gateway.allowance import ANY
from fairlead.gateway.circuit import State as Circuit
from fairlead.gateway.complexity import Complexity
from fairlead.gateway.costs import Dimension, Share
from fairlead.gateway.period import parse_period
from fairlead.gateway.prices import Quote, Source
from fairlead.gateway.rate import BOTH, Rate, Use
from fairlead.gateway.standing import OfLate, Recent, Standing
from fairlead.gateway.strategy import Strategy
from fairlead.gateway.switch import Stop
from fairlead.web.console import streams
from fairlead.web.console.desk import Desk, caller_of
from fairlead.web.console.doors import Doors
from fairlead.web.console.format import NOTHING, Format
from fairlead.web.console.language import N_
from fairlead.web.console.reading import or_none
from fairlead.web.console.scopes import address
from fairlead.web.console.section import Routes
from fairlead.web.console.state import State, Tone

PATH = "/console/providers"
OF_LATE = timedelta(minutes=15)
MOST_MODELS = 25
MOST = 100  # providers
T = TypeVar("T")
_OFTEN = 0.2  # of the calls
_NEAR = 0.8  # of a limit
_AGAIN = timedelta(seconds=3)
_PARTS = ("providers", "asked_models")
_STOPPED = State("cancelled", Tone.ERR, N_("stopped"))
_NO_KEY = State("pending", Tone.MUTED, N_("no key"))
_LEFT_ALONE = State("error", Tone.ERR, N_("left alone"))
_TRIED = State("running", Tone.WARN, N_("being tried"))
_AWAY = State("error", Tone.ERR, N_("no answer"))
_FAILS = State("interrupted", Tone.WARN, N_("fails often"))
_LIMITS = State("interrupted", Tone.WARN, N_("limits us"))
_ANSWERS = State("success", Tone.OK, N_("answers"))
_UNKNOWN = State("unknown", Tone.ASK, N_("could not ask"))
_UNASKED = State("pending", Tone.MUTED, N_("not asked"))
_CIRCUITS = {
    Circuit.CLOSED: N_("closed"), Circuit.OPEN: N_("open"), Circuit.HALF_OPEN: N_("half open"),
}  # fmt: skip
_STRATEGIES = {
    Strategy.FAILOVER: N_("one after the other"), Strategy.ROUND_ROBIN: N_("in turn"),
    Strategy.WEIGHTED: N_("by weight"), Strategy.RANDOM: N_("at random"),
}  # fmt: skip
_TIERS = {
    Complexity.SIMPLE: N_("simple requests"), Complexity.MEDIUM: N_("medium requests"),
    Complexity.COMPLEX: N_("hard requests"),
}  # fmt: skip
_SOURCES = {
    Source.OVERRIDE: N_("own price"), Source.TABLE: N_("price table"), Source.BUILT_IN: N_("built in"),
    Source.CEILING: N_("not known: the ceiling is charged"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Material:
    """What could not be read is None, and the rest is shown. `uses` is of the models of `late`; a rate that could not
    be read is None."""

    standings: Sequence[Standing]
    models: Sequence[Model]
    stops: Sequence[Stop]
    late: OfLate | None
    costs: Sequence[Share] | None
    uses: Mapping[str, tuple[Rate, Use] | None]
    quotes: Mapping[str, Quote]
    of_all: bool
    """Calls are those of every tenant."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Of the newest calls."""

    calls: str
    failed: str
    limited: str
    p50: str
    p95: str
    last: Recent | None


@dataclass(frozen=True, slots=True)
class Row:
    name: str
    state: State
    ready: bool
    breaker: str
    heard: bool
    figures: Figures
    cost: str
    costs: str
    stop: str


@dataclass(frozen=True, slots=True)
class Gauge:
    """Of a limit per minute; `width` is in percent. `limit` is empty where there is none."""

    used: str
    limit: str
    width: float
    tone: Tone


@dataclass(frozen=True, slots=True)
class ModelRow:
    name: str
    figures: Figures
    price: str
    source: str
    asked: bool
    """The limits could be read."""
    requests: Gauge | None
    tokens: Gauge | None
    note: str
    costs: str


@dataclass(frozen=True, slots=True)
class Declared:
    name: str
    how: str
    targets: tuple[tuple[str, str], ...]
    """Each with its price, or with the name of its tier."""


@dataclass(frozen=True, slots=True)
class ProvidersView:
    rows: tuple[Row, ...]
    models: tuple[ModelRow, ...]
    declared: tuple[Declared, ...]
    late: bool
    """What calls came to of late could be read."""
    span: str
    of_all: bool
    may: bool


async def read(doors: Doors, caller: Principal, now: datetime) -> Material:
    tenant, of_all = caller.tenant, may_for_all(caller)
    late, costs = await asyncio.gather(
        or_none(doors.usage.of_late(now - OF_LATE, tenant=ANY if of_all else tenant)),
        or_none(doors.costs.shares(tenant, parse_period("24h", None, now=now), Dimension.PROVIDER, top=MOST)),
    )
    names = [one.name for one in late.models[:MOST_MODELS]] if late is not None else []
    uses = await asyncio.gather(*(or_none(doors.limits.use(name)) for name in names))
    models = doors.gateway.declared()
    priced = {*names, *(target.model for model in models for target in model.targets)}
    return Material(
        standings=doors.gateway.standings(), models=models,
        stops=[stop for stop in doors.stops.all if stop.tenant in (ANY, tenant)], late=late, costs=costs,
        uses=dict(zip(names, uses, strict=True)), quotes={name: doors.gateway.quote(name) for name in priced},
        of_all=of_all,
    )  # fmt: skip


def shape(material: Material, fmt: Format, *, may: bool) -> ProvidersView:
    """`may`: whether this reader stops calls."""
    late = {one.name: one for one in material.late.providers} if material.late is not None else {}
    costs = {part.name: part for part in material.costs or ()}
    return ProvidersView(
        rows=tuple(
            _row(one, material, late.get(one.name), costs.get(one.name), fmt)
            for one in sorted(material.standings, key=lambda one: (not one.ready, one.name not in late, one.name))
        ),
        models=tuple(_model_row(one, material, fmt) for one in (material.late.models if material.late else ())
                     if one.name in material.uses),
        declared=tuple(_declared(one, material.quotes, fmt) for one in material.models),
        late=material.late is not None, span=fmt.coarse(OF_LATE), of_all=material.of_all, may=may,
    )  # fmt: skip


def _row(one: Standing, material: Material, late: Recent | None, cost: Share | None, fmt: Format) -> Row:
    stopped = any(stop.scope in ("all", f"provider:{one.name}") for stop in material.stops)
    if material.costs is None:
        spent = fmt.words.gettext(N_("not read"))
    else:
        spent = NOTHING if cost is None else fmt.money(cost.sums.cost_nano)
    return Row(
        name=one.name, state=_STOPPED if stopped else _state(one, late, known=material.late is not None),
        ready=one.ready, breaker=fmt.words.gettext(_CIRCUITS[one.state]), heard=one.heard,
        figures=_figures(late, fmt, known=material.late is not None), cost=spent,
        costs=address("/console/costs", provider=one.name),
        stop="" if stopped else address("/console/budgets/stop", scope=f"provider:{one.name}"),
    )  # fmt: skip


def _state(one: Standing, late: Recent | None, *, known: bool) -> State:
    """The worst that is known of it. `known`: the calls of all processes could be read."""
    if not one.ready:
        return _NO_KEY
    if one.state is Circuit.OPEN:
        return _LEFT_ALONE
    if one.state is Circuit.HALF_OPEN:
        return _TRIED
    if late is None:
        return _UNASKED if known else _ANSWERS if one.heard else _UNKNOWN
    if late.is_away:
        return _AWAY
    if late.failed >= late.calls * _OFTEN:
        return _FAILS
    return _LIMITS if late.limited else _ANSWERS


def _figures(late: Recent | None, fmt: Format, *, known: bool) -> Figures:
    if late is None:
        none = NOTHING if known else fmt.words.gettext(N_("not read"))
        return Figures(none, NOTHING, NOTHING, NOTHING, NOTHING, None)
    unmeasured = fmt.words.gettext(N_("not measured"))
    p50, p95 = (unmeasured if one is None else fmt.duration(one) for one in (late.p50, late.p95))
    return Figures(fmt.count(late.calls), fmt.count(late.failed), fmt.count(late.limited), p50, p95, late)


def _model_row(one: Recent, material: Material, fmt: Format) -> ModelRow:
    found, _ = material.uses[one.name], fmt.words.gettext
    quote = material.quotes[one.name]
    note = ""
    if found is not None and found[1].paused_for:
        note = _(N_("paused for %(span)s")) % {"span": fmt.duration(timedelta(microseconds=found[1].paused_for))}
    elif found is not None and found[1].factor < 1:
        note = _(N_("at %(share)s of the limit, after refusals")) % {"share": f"{found[1].factor:.0%}"}
    requests, tokens = (None, None) if found is None else (_gauge(*found, d, fmt) for d in BOTH)
    return ModelRow(
        name=one.name, figures=_figures(one, fmt, known=True), price=_price(quote, fmt),
        source=_(_SOURCES[quote.source]), asked=found is not None, requests=requests, tokens=tokens, note=note,
        costs=address("/console/costs", model=one.name),
    )  # fmt: skip


def _gauge(rate: Rate, use: Use, dimension: int, fmt: Format) -> Gauge:
    used, most = use.used[dimension], rate.most(dimension)
    share = used / most if most else 0.0
    tone = Tone.ERR if share >= 1 else Tone.WARN if share >= _NEAR else Tone.ACCENT
    return Gauge(fmt.count(used), "" if most is None else fmt.count(most), round(min(100.0, 100 * share), 2), tone)


def _price(quote: Quote, fmt: Format) -> str:
    given = {"input": fmt.money(quote.price.input), "output": fmt.money(quote.price.output)}
    return fmt.words.gettext(N_("%(input)s in, %(output)s out")) % given


def _declared(model: Model, quotes: Mapping[str, Quote], fmt: Format) -> Declared:
    _ = fmt.words.gettext
    if model.tiers:
        return Declared(model.name, _(N_("by how hard the request is")), tuple(
            (asked, _(_TIERS[tier])) for tier, asked in model.tiers.items()
        ))  # fmt: skip
    targets = tuple((target.model, _price(quotes[target.model], fmt)) for target in model.targets)
    return Declared(model.name, _(_STRATEGIES[model.strategy]), targets)


class ProvidersPages:
    def __init__(self, desk: Desk, doors: Doors) -> None:
        self._desk = desk
        self._doors = doors

    def pages(self) -> Routes:
        return [(PATH, self.page), (f"{PATH}/live", self.live)]

    def writes(self) -> Routes:
        return []

    async def page(self, request: Request) -> Response:
        return self._desk.page(request, "pages/providers.html", view=await self._view(request), here="providers")

    async def live(self, request: Request) -> Response:
        async def draw() -> dict[str, str]:
            view, reader = await self._view(request), self._desk.reader(request)
            return {
                name: self._desk.templates.fill(f"parts/_{name}.html", reader, view=view, path="") for name in _PARTS
            }

        return streams.of_page(self._desk, request, draw, again=_AGAIN)

    async def _view(self, request: Request) -> ProvidersView:
        caller = caller_of(request)
        material = await read(self._doors, caller, self._desk.clock.now())
        return shape(material, self._desk.reader(request).fmt, may=caller.role.covers(Role.OPERATOR))
