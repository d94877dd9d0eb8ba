"""Every setting as it is in force in this process: its value, where that comes from, what it is for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from fairlead.access import require_for_all
from fairlead.config import SET, SettingDoc, ShownSetting, describe_settings
from fairlead.web.console.desk import Desk
from fairlead.web.console.doors import Doors
from fairlead.web.console.format import Format
from fairlead.web.console.language import N_
from fairlead.web.console.roles import admin_of
from fairlead.web.console.section import Routes

PATH = "/console/settings"
PARTS = {
    "app": N_("Application"), "secrets": N_("Secrets"), "engine": N_("Engine"), "database": N_("Database"),
    "backup": N_("Backup"), "server": N_("Server"), "access": N_("Access"), "egress": N_("Egress"),
    "sign_in": N_("Sign-in"), "tokens": N_("Tokens"), "models": N_("Models"), "budgets": N_("Budgets"),
    "store": N_("Store"), "telemetry": N_("Telemetry"), "client": N_("Client"),
}  # fmt: skip
ORIGINS = {"environment": N_("environment"), "argument": N_("argument")}


@dataclass(frozen=True, slots=True)
class Query:
    text: str = ""
    given: bool = False  # only what somebody gave


@dataclass(frozen=True, slots=True)
class Row:
    """A secret has no value, but what of it may be seen: of an address all but the password."""

    doc: SettingDoc
    value: str
    secret: bool
    is_set: bool
    origin: str
    given: bool


@dataclass(frozen=True, slots=True)
class Part:
    title: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class SettingsView:
    query: Query
    parts: tuple[Part, ...]
    count: int


def parse(params: Mapping[str, str]) -> Query:
    return Query(params.get("q", "").strip()[:200], params.get("given") == "1")


def shape(query: Query, docs: Sequence[SettingDoc], shown: Sequence[ShownSetting], fmt: Format) -> SettingsView:
    """`docs` and `shown` are in the same order."""
    rows = [_row(doc, one, fmt) for doc, one in zip(docs, shown, strict=True)]
    found = [row for row in rows if (row.given or not query.given) and _fits(row, query.text.lower(), fmt)]
    by_part = {name: tuple(row for row in found if row.doc.part == name) for name in PARTS}
    parts = tuple(Part(fmt.words.gettext(PARTS[name]), of_part) for name, of_part in by_part.items() if of_part)
    return SettingsView(query, parts, len(found))


def _row(doc: SettingDoc, shown: ShownSetting, fmt: Format) -> Row:
    value = "" if doc.secret and shown.value == SET else shown.value
    return Row(doc, value, doc.secret, bool(shown.value), _origin(shown, fmt), shown.given)


def _origin(shown: ShownSetting, fmt: Format) -> str:
    """A file stays what it is called; what is not given is a default, or one of the environment."""
    _ = fmt.words.gettext
    if shown.given:
        return _(ORIGINS.get(shown.origin, shown.origin))
    environment = shown.origin.removesuffix("default").strip()
    return _(N_("%(environment)s default")) % {"environment": environment} if environment else _(N_("default"))


def _fits(row: Row, text: str, fmt: Format) -> bool:
    """All its words are in the name, the part or the description, in English or as the reader sees them: not in the
    value, which may be a secret's."""
    told = (fmt.words.gettext(one) for one in (PARTS.get(row.doc.part, ""), row.doc.description) if one)
    about = " ".join((row.doc.name, row.doc.part, row.doc.description, *told)).lower()
    return all(word in about for word in text.split())


class SettingsPages:
    def __init__(self, desk: Desk, doors: Doors) -> None:
        self._desk = desk
        self._settings = doors.settings

    def pages(self) -> Routes:
        return [(PATH, self.page)]

    def writes(self) -> Routes:
        return []

    async def page(self, request: Request) -> Response:
        """Settings are everybody's: an administrator of one tenant alone does not see them."""
        require_for_all(admin_of(request))
        query, fmt = parse(request.query_params), self._desk.reader(request).fmt
        view = shape(query, describe_settings(), self._settings.shown(), fmt)
        return self._desk.page(request, "pages/settings.html", view=view, here="settings")
