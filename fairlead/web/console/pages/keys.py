"""API keys: listed, made, given a new secret, revoked. A secret is on the page that answers, and on no other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from starlette.requests import Request
from starlette.responses import Response

from fairlead.access import (
    LOCAL_ADMIN,
    Allowance,
    Issued,
    Key,
    Limits,
    NewKey,
    Principal,
    Role,
    Scope,
    Standing,
    ensure_may_give,
    tenant_for,
)  # fmt: skip
from fairlead.access.key import MOST
from fairlead.errors import Conflict, FairleadError, InvalidInput
from fairlead.web.console.desk import Desk, caller_of
from fairlead.web.console.doors import Doors
from fairlead.web.console.format import NOTHING, Format
from fairlead.web.console.language import N_
from fairlead.web.console.money import parse_usd
from fairlead.web.console.pages.ask import Question, answer_question
from fairlead.web.console.roles import ROLES, admin_of, parse_role
from fairlead.web.console.scopes import address
from fairlead.web.console.section import Routes, own_form, see, status_of
from fairlead.web.console.state import State, Tone

PATH = "/console/keys"
PAGE = 50
_LONGEST_DAYS = 3660
_STATES = {
    Standing.VALID: State("success", Tone.OK, N_("valid")),
    Standing.EXPIRED: State("timeout", Tone.MUTED, N_("expired")),
    Standing.REVOKED: State("cancelled", Tone.MUTED, N_("revoked")),
}
SCOPES = {
    Scope.EVERYTHING: N_("all that its role may do"), Scope.RUNS_READ: N_("read runs, and this console"),
    Scope.RUNS_WRITE: N_("start and steer runs"), Scope.MODELS: N_("ask models"),
    Scope.ADMIN: N_("administer keys, users and settings"),
}  # fmt: skip
_OVERLAPS = {
    "0": N_("at once"), "3600": N_("in an hour"), "86400": N_("in a day"), "604800": N_("in a week"),
    "2592000": N_("in 30 days"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Query:
    """`tenant` is empty for the caller's own."""

    tenant: str = ""
    owner: str = ""
    revoked: bool = False
    before: str = ""

    def address(self, **changes: str) -> str:
        found = {"tenant": self.tenant, "owner": self.owner, "revoked": "1" if self.revoked else ""} | changes
        given = {name: value for name, value in found.items() if value}
        return address(PATH, **given) if given else PATH


@dataclass(frozen=True, slots=True)
class Row:
    key: Key
    state: State
    limits: str
    address: str


@dataclass(frozen=True, slots=True)
class KeysView:
    query: Query
    tenant: str
    rows: tuple[Row, ...]
    older: str
    newest: str
    installation: bool
    new: str


def parse(params: Mapping[str, str]) -> Query:
    tenant, owner, before = (params.get(name, "").strip()[:200] for name in ("tenant", "owner", "before"))
    return Query(tenant, owner, params.get("revoked") == "1", before)


def shape(query: Query, found: Sequence[Key], caller: Principal, fmt: Format) -> KeysView:
    """`found` may have one more than a page."""
    rows = tuple(row(key, caller, fmt) for key in found[:PAGE])
    return KeysView(
        query=query, tenant=query.tenant or caller.tenant, rows=rows,
        older=query.address(before=rows[-1].key.id) if len(found) > PAGE else "",
        newest=query.address() if query.before else "", installation=caller.installation,
        new=address(f"{PATH}/new", tenant=query.tenant) if query.tenant else f"{PATH}/new",
    )  # fmt: skip


def row(key: Key, caller: Principal, fmt: Format) -> Row:
    return Row(key, _STATES[key.standing(fmt.now)], limits_of(key, fmt), _of(f"{PATH}/key", key, caller))


def limits_of(key: Key, fmt: Format) -> str:
    """What it may spend and ask, in a line."""
    _, spend, most = fmt.words.gettext, key.allowance, key.limits
    amounts = (
        (N_("%(sum)s a day"), spend.day_nano), (N_("%(sum)s a month"), spend.month_nano),
        (N_("%(sum)s over its life"), spend.total_nano),
    )  # fmt: skip
    said = [_(text) % {"sum": fmt.money(nano)} for text, nano in amounts if nano is not None]
    counts = (
        (N_("%(n)s requests a minute"), most.requests_per_minute),
        (N_("%(n)s tokens a minute"), most.tokens_per_minute),
    )  # fmt: skip
    said += [_(text) % {"n": fmt.count(count)} for text, count in counts if count is not None]
    return fmt.listed(said) or NOTHING


def _of(path: str, key: Key, caller: Principal) -> str:
    return address(path, name=key.name, **({} if key.tenant == caller.tenant else {"tenant": key.tenant}))


def parse_new(form: Mapping[str, str], *, tenant: str, now: datetime) -> NewKey:
    """Raises `InvalidInput`."""
    scopes = frozenset(scope for scope in Scope if form.get(f"scope-{scope.value}"))
    day, month, total = (parse_usd(form.get(name, "")) for name in ("day", "month", "total"))
    requests, tokens = (_count(form.get(name, ""), MOST) for name in ("requests", "tokens"))
    return NewKey(
        name=form.get("name", "").strip(), owner=form.get("owner", "").strip() or None, tenant=tenant,
        role=parse_role(form.get("role", "")),
        scopes=scopes, models=tuple(dict.fromkeys(form.get("models", "").replace(",", " ").split())),
        allowance=Allowance(day, month, total), limits=Limits(requests, tokens),
        metadata=_labels(form.get("labels", "")), expires_at=_ends(form.get("days", ""), now),
    )  # fmt: skip


def _count(text: str, most: int) -> int | None:
    text = text.strip()
    if not text:
        return None
    if not (text.isascii() and text.isdecimal()) or not 0 < int(text[:20]) <= most:
        raise InvalidInput(f"{text[:60]!r} is no number from 1 on.", hint="Leave it empty for no limit.")
    return int(text)


def _ends(text: str, now: datetime) -> datetime | None:
    days = _count(text, _LONGEST_DAYS)
    return None if days is None else now + timedelta(days=days)


def _overlap(given: str) -> timedelta:
    if given not in _OVERLAPS:
        raise InvalidInput(f"{given[:60]!r} is no overlap.", hint=", ".join(_OVERLAPS))
    return timedelta(seconds=int(given))


def _labels(text: str) -> dict[str, str]:
    """`team=blue`, one on a line."""
    found: dict[str, str] = {}
    for line in filter(None, (line.strip() for line in text.splitlines())):
        name, equals, value = line.partition("=")
        if not equals:
            raise InvalidInput(f"{line[:60]!r} is no label.", hint="Write team=blue, one on a line.")
        found[name.strip()] = value.strip()
    return found


def of_revoke(key: Key, caller: Principal, fmt: Format) -> Question:
    _ = fmt.words.gettext
    return Question(
        title=_(N_("Revoke the key %(name)s?")) % {"name": key.name},
        text=_(N_("Every process refuses it within a second. It cannot be taken back; make a new one instead.")),
        detail=_(N_("last used %(when)s")) % {"when": fmt.ago(key.last_used_at)} if key.last_used_at
        else _(N_("never used")),
        confirm=_(N_("Revoke the key")), action=f"{PATH}/revoke", back=_of(f"{PATH}/key", key, caller), danger=True,
        fields=(("name", key.name), ("tenant", key.tenant)),
    )  # fmt: skip


class KeysPages:
    def __init__(self, desk: Desk, doors: Doors) -> None:
        self._desk = desk
        self._book = doors.books.keys

    def pages(self) -> Routes:
        return [
            (PATH, self.page), (f"{PATH}/key", self.show), (f"{PATH}/new", self.ask_new),
            (f"{PATH}/rotate", self.ask_rotate), (f"{PATH}/revoke", self.ask_revoke),
        ]  # fmt: skip

    def writes(self) -> Routes:
        return [(f"{PATH}/new", self.create), (f"{PATH}/rotate", self.rotate), (f"{PATH}/revoke", self.revoke)]

    async def page(self, request: Request) -> Response:
        caller, query = admin_of(request), parse(request.query_params)
        found = await self._book.list(
            tenant=tenant_for(caller, query.tenant or None), owner=query.owner or None, revoked=query.revoked,
            before=query.before or None, limit=PAGE + 1,
        )  # fmt: skip
        view = shape(query, found, caller, self._fmt(request))
        return self._desk.page(request, "pages/keys.html", view=view, here="keys")

    async def show(self, request: Request) -> Response:
        caller, key = admin_of(request), await self._key(request, request.query_params)
        told = row(key, caller, self._fmt(request))
        living = told.state is not _STATES[Standing.REVOKED]
        return self._desk.page(
            request, "pages/key.html", here="keys", row=told, living=living, back=_list_of(key, caller),
            rotate=_of(f"{PATH}/rotate", key, caller), revoke=_of(f"{PATH}/revoke", key, caller),
            costs=address("/console/costs", key=key.id, period="30d") if key.tenant == caller.tenant else "",
        )  # fmt: skip

    async def ask_new(self, request: Request) -> Response:
        tenant = tenant_for(admin_of(request), request.query_params.get("tenant") or None)
        return self._new(request, {"tenant": tenant, "role": Role.OPERATOR.value, f"scope-{Scope.EVERYTHING}": "on"})

    async def ask_rotate(self, request: Request) -> Response:
        admin_of(request)
        return self._rotation(request, await self._key(request, request.query_params), {"overlap": "86400"})

    async def ask_revoke(self, request: Request) -> Response:
        caller, key = admin_of(request), await self._key(request, request.query_params)
        return answer_question(self._desk, request, of_revoke(key, caller, self._fmt(request)), here="keys")

    # Writes; the book notes each in the audit log itself

    async def create(self, request: Request) -> Response:
        caller, form = admin_of(request), await own_form(request)
        tenant = tenant_for(caller, form.get("tenant", "").strip() or None)
        try:
            asked = parse_new(form, tenant=tenant, now=self._desk.clock.now())
            ensure_may_give(caller, asked.scopes)
            issued = await self._book.create(asked, by=caller.name)
        except (InvalidInput, Conflict) as error:
            return self._new(request, form, problem=error)
        return self._made(request, issued, status=201)

    async def rotate(self, request: Request) -> Response:
        caller, form = admin_of(request), await own_form(request)
        key = await self._key(request, form)
        ensure_may_give(caller, key.scopes)
        try:
            issued = await self._book.rotate(
                key.name, tenant=key.tenant, by=caller.name, overlap=_overlap(form.get("overlap", "0")),
                expires_at=_ends(form.get("days", ""), self._desk.clock.now()),
            )  # fmt: skip
        except (InvalidInput, Conflict) as error:
            return self._rotation(request, key, form, problem=error)
        return self._made(request, issued, status=200)

    async def revoke(self, request: Request) -> Response:
        caller, form = admin_of(request), await own_form(request)
        key = await self._key(request, form)
        await self._book.revoke(key.name, tenant=key.tenant, by=caller.name)
        return see(_of(f"{PATH}/key", key, caller))

    # What handlers share

    def _new(self, request: Request, typed: Mapping[str, str], *, problem: FairleadError | None = None) -> Response:
        """The form, with what was typed and what is wrong with it."""
        caller = caller_of(request)
        return self._desk.page(
            request, "pages/key_new.html", status=200 if problem is None else status_of(problem), here="keys",
            typed=typed, problem=problem, installation=caller.installation, roles=ROLES,
            scopes=[(scope, label) for scope, label in SCOPES.items() if Scope.covered(caller.scopes, scope)],
        )  # fmt: skip

    def _rotation(
        self, request: Request, key: Key, typed: Mapping[str, str], *, problem: FairleadError | None = None
    ) -> Response:
        told = row(key, caller_of(request), self._fmt(request))
        return self._desk.page(
            request, "pages/key_rotate.html", status=200 if problem is None else status_of(problem), here="keys",
            row=told, overlaps=_OVERLAPS, typed=typed, problem=problem,
        )  # fmt: skip

    def _made(self, request: Request, issued: Issued, *, status: int) -> Response:
        """No redirect: nobody could ask for the secret again."""
        caller = caller_of(request)
        return self._desk.page(
            request, "pages/key_made.html", status=status, here="keys", key=issued.key, secret=issued.secret,
            first=caller == LOCAL_ADMIN, address=_of(f"{PATH}/key", issued.key, caller),
        )  # fmt: skip

    async def _key(self, request: Request, given: Mapping[str, str]) -> Key:
        """Raises `Forbidden`, `NotFound`."""
        tenant = tenant_for(caller_of(request), given.get("tenant") or None)
        return await self._book.get(given.get("name", ""), tenant=tenant)

    def _fmt(self, request: Request) -> Format:
        return self._desk.reader(request).fmt


def _list_of(key: Key, caller: Principal) -> str:
    return Query("" if key.tenant == caller.tenant else key.tenant).address()
