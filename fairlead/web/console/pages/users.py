"""Users: listed, added, given a role, disabled and enabled again, deleted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from fairlead.access import NewUser, Principal, Role, Status, User, tenant_for
from fairlead.errors import Conflict, FairleadError, InvalidInput
from fairlead.web.console.desk import Desk, caller_of
from fairlead.web.console.doors import Doors
from fairlead.web.console.format import Format
from fairlead.web.console.language import N_
from fairlead.web.console.pages.ask import Question, answer_question
from fairlead.web.console.roles import ROLES, admin_of, parse_role
from fairlead.web.console.scopes import address
from fairlead.web.console.section import Routes, own_form, see, status_of
from fairlead.web.console.state import State, Tone

PATH = "/console/users"
PAGE = 50
_STATES = {
    Status.ACTIVE: State("success", Tone.OK, N_("active")),
    Status.DISABLED: State("cancelled", Tone.WARN, N_("disabled")),
    Status.DELETED: State("cancelled", Tone.MUTED, N_("deleted")),
}


@dataclass(frozen=True, slots=True)
class Query:
    """`tenant` is empty for the caller's own."""

    tenant: str = ""
    before: str = ""

    def address(self, **changes: str) -> str:
        given = ({"tenant": self.tenant} if self.tenant else {}) | changes
        return address(PATH, **given) if given else PATH


@dataclass(frozen=True, slots=True)
class Row:
    user: User
    state: State
    address: str


@dataclass(frozen=True, slots=True)
class UsersView:
    query: Query
    tenant: str
    rows: tuple[Row, ...]
    older: str
    newest: str
    installation: bool
    new: str


def parse(params: Mapping[str, str]) -> Query:
    return Query(*(params.get(name, "").strip()[:200] for name in ("tenant", "before")))


def shape(query: Query, found: Sequence[User], caller: Principal) -> UsersView:
    """`found` may have one more than a page."""
    rows = tuple(row(user, caller) for user in found[:PAGE])
    return UsersView(
        query=query, tenant=query.tenant or caller.tenant, rows=rows,
        older=query.address(before=rows[-1].user.id) if len(found) > PAGE else "",
        newest=query.address() if query.before else "", installation=caller.installation,
        new=address(f"{PATH}/new", tenant=query.tenant) if query.tenant else f"{PATH}/new",
    )  # fmt: skip


def row(user: User, caller: Principal) -> Row:
    return Row(user, _STATES[user.status], _of(f"{PATH}/user", user, caller))


def _of(path: str, user: User, caller: Principal) -> str:
    return address(path, name=user.name, **({} if user.tenant == caller.tenant else {"tenant": user.tenant}))


def of_delete(user: User, keys: int, caller: Principal, fmt: Format) -> Question:
    """`keys`: how many of theirs are revoked with it."""
    _ = fmt.words.gettext
    told = fmt.words.ngettext("%(num)s key of theirs is revoked.", "%(num)s keys of theirs are revoked.", keys)
    return _question(
        user, "delete", caller, title=_(N_("Delete the user %(name)s?")), detail=told % {"num": keys},
        text=_(N_("The name is forgotten, and nothing they hold opens any more. Their runs and messages stay; to erase "
                  "those, use fairlead data delete.")),
        confirm=_(N_("Delete the user")),
    )  # fmt: skip


def of_disable(user: User, caller: Principal, fmt: Format) -> Question:
    _ = fmt.words.gettext
    return _question(
        user, "disable", caller, title=_(N_("Disable the user %(name)s?")), detail=user.email or user.name,
        text=_(N_("Sessions and tokens of theirs end at once, and keys they own open nothing until the user is "
                  "enabled.")),
        confirm=_(N_("Disable")),
    )  # fmt: skip


def _question(
    user: User, move: str, caller: Principal, *, title: str, text: str, detail: str, confirm: str
) -> Question:
    return Question(
        title=title % {"name": user.name}, text=text, detail=detail, confirm=confirm, action=f"{PATH}/{move}",
        back=_of(f"{PATH}/user", user, caller), danger=True, fields=(("name", user.name), ("tenant", user.tenant)),
    )  # fmt: skip


class UsersPages:
    def __init__(self, desk: Desk, doors: Doors) -> None:
        self._desk = desk
        self._books = doors.books

    def pages(self) -> Routes:
        return [
            (PATH, self.page), (f"{PATH}/user", self.show), (f"{PATH}/new", self.ask_new),
            (f"{PATH}/disable", self.ask_disable), (f"{PATH}/delete", self.ask_delete),
        ]  # fmt: skip

    def writes(self) -> Routes:
        return [
            (f"{PATH}/new", self.create), (f"{PATH}/role", self.set_role), (f"{PATH}/disable", self.disable),
            (f"{PATH}/enable", self.enable), (f"{PATH}/delete", self.delete),
        ]  # fmt: skip

    async def page(self, request: Request) -> Response:
        caller, query = admin_of(request), parse(request.query_params)
        tenant = tenant_for(caller, query.tenant or None)
        found = await self._books.users.list(tenant=tenant, before=query.before or None, limit=PAGE + 1)
        return self._desk.page(request, "pages/users.html", view=shape(query, found, caller), here="users")

    async def show(self, request: Request) -> Response:
        caller, user = admin_of(request), await self._user(request, request.query_params)
        of = {} if user.tenant == caller.tenant else {"tenant": user.tenant}
        mine = user.tenant == caller.tenant
        return self._desk.page(
            request, "pages/user.html", here="users", row=row(user, caller), roles=ROLES, back=Query(**of).address(),
            disable=_of(f"{PATH}/disable", user, caller), delete=_of(f"{PATH}/delete", user, caller),
            keys=address("/console/keys", owner=user.name, **of),
            runs=address("/console/runs", user=user.name) if mine else "",
            costs=address("/console/costs", user=user.name, period="30d") if mine else "",
        )  # fmt: skip

    async def ask_new(self, request: Request) -> Response:
        tenant = tenant_for(admin_of(request), request.query_params.get("tenant") or None)
        return self._new(request, {"tenant": tenant, "role": Role.VIEWER.value})

    async def ask_disable(self, request: Request) -> Response:
        caller, user = admin_of(request), await self._user(request, request.query_params)
        return answer_question(self._desk, request, of_disable(user, caller, self._fmt(request)), here="users")

    async def ask_delete(self, request: Request) -> Response:
        caller, user = admin_of(request), await self._user(request, request.query_params)
        keys = len(await self._books.keys.list(tenant=user.tenant, owner=user.name, limit=1000))
        return answer_question(self._desk, request, of_delete(user, keys, caller, self._fmt(request)), here="users")

    # Writes; the book notes each in the audit log itself

    async def create(self, request: Request) -> Response:
        caller, form = admin_of(request), await own_form(request)
        tenant = tenant_for(caller, form.get("tenant", "").strip() or None)
        email = form.get("email", "").strip() or None
        try:
            new = NewUser(form.get("name", "").strip(), tenant, parse_role(form.get("role", "")), email)
            user = await self._books.users.create(new, by=caller.name)
        except (InvalidInput, Conflict) as error:
            return self._new(request, form, problem=error)
        return see(_of(f"{PATH}/user", user, caller))

    async def set_role(self, request: Request) -> Response:
        caller, form = admin_of(request), await own_form(request)
        user = await self._user(request, form)
        await self._books.users.set_role(
            user.name, parse_role(form.get("role", "")), tenant=user.tenant, by=caller.name
        )
        return see(_of(f"{PATH}/user", user, caller))

    async def disable(self, request: Request) -> Response:
        caller, form = admin_of(request), await own_form(request)
        user = await self._user(request, form)
        await self._books.users.disable(user.name, tenant=user.tenant, by=caller.name)
        return see(_of(f"{PATH}/user", user, caller))

    async def enable(self, request: Request) -> Response:
        caller, form = admin_of(request), await own_form(request)
        user = await self._user(request, form)
        await self._books.users.enable(user.name, tenant=user.tenant, by=caller.name)
        return see(_of(f"{PATH}/user", user, caller))

    async def delete(self, request: Request) -> Response:
        """Their keys first: what is left of them opens nothing then."""
        caller, form = admin_of(request), await own_form(request)
        user = await self._user(request, form)
        await self._books.keys.revoke_owned(user.name, tenant=user.tenant, by=caller.name)
        await self._books.users.delete(user.name, tenant=user.tenant, by=caller.name)
        return see(Query("" if user.tenant == caller.tenant else user.tenant).address())

    # What handlers share

    def _new(self, request: Request, typed: Mapping[str, str], *, problem: FairleadError | None = None) -> Response:
        """The form, with what was typed and what is wrong with it."""
        return self._desk.page(
            request, "pages/user_new.html", status=200 if problem is None else status_of(problem), here="users",
            typed=typed, problem=problem, installation=caller_of(request).installation, roles=ROLES,
        )  # fmt: skip

    async def _user(self, request: Request, given: Mapping[str, str]) -> User:
        """Raises `Forbidden`, `NotFound`."""
        tenant = tenant_for(caller_of(request), given.get("tenant") or None)
        return await self._books.users.get(given.get("name", ""), tenant=tenant)

    def _fmt(self, request: Request) -> Format:
        return self._desk.reader(request).fmt
