"""Who reads, and how: theme, zone and language from cookies; the frame every page is drawn in."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any, Protocol, cast
from urllib.parse import unquote

from jinja2 import ChainableUndefined, Environment, FileSystemLoader, select_autoescape
from jinja2.runtime import Context

from fairlead.access import Role
from fairlead.web.console import below, format, found, json_view, language, state
from fairlead.web.console.assets import Assets
from fairlead.web.console.compiled import Compiled

_TEMPLATES = Path(__file__).parent / "templates"
_HOW = "trim_blocks lstrip_blocks i18n trimmed newstyle"  # as `_environment` has templates compiled
_HERE = "<!-- the page's own part -->"
THEMES = ("light", "dark")
_SCRIPT_WORDS = {
    "live": language.N_("Live"),
    "catching": language.N_("Catching up"),
    "stale": language.N_("Stale since %(time)s"),
    "off": language.N_("Paused"),
    "ended": language.N_("Ended"),
    "s": language.N_("%(n)s s"),
    "min": language.N_("%(n)s min"),
    "min_s": language.N_("%(min)s min %(s)s s"),
    "h_min": language.N_("%(h)s h %(min)s min"),
    "copied": language.N_("Copied"),
    "marked": language.N_("%(n)s marked"),
}


@dataclass(frozen=True, slots=True)
class Reader:
    """What a browser told us about the one who reads."""

    name: str
    theme: str  # "" follows the system
    language: str
    fmt: format.Format
    csrf: str
    signed_in: bool  # and so may sign out
    writes: bool = False  # may start, cancel, answer
    admin: bool = False
    keeps_cases: bool = False  # may make a case of a run
    house: bool = False  # of who runs the installation
    for_all: bool = False  # decides what concerns every tenant


class Group(StrEnum):
    WATCH = language.N_("Watch")
    BUILD = language.N_("Build")
    SHIP = language.N_("Ship")
    GOVERN = language.N_("Govern")


class Needs(StrEnum):
    """What of a reader opens a page that is not everybody's."""

    ADMIN = "admin"
    HOUSE = "house"
    FOR_ALL = "for_all"


@dataclass(frozen=True, slots=True)
class Place:
    """An entry of the side bar."""

    name: str
    label: str
    path: str
    key: str  # after g
    group: Group
    needs: Needs | None = None  # nobody else is shown it


PLACES = (
    Place("dashboard", language.N_("Dashboard"), "/console", "d", Group.WATCH),
    Place("runs", language.N_("Runs"), "/console/runs", "r", Group.WATCH),
    Place("threads", language.N_("Threads"), "/console/threads", "t", Group.WATCH),
    Place("approvals", language.N_("Approvals"), "/console/approvals", "a", Group.WATCH),
    Place("levels", language.N_("Service levels"), "/console/service-levels", "l", Group.WATCH),
    Place("agents", language.N_("Agents"), "/console/agents", "n", Group.BUILD),
    Place("playground", language.N_("Playground"), "/console/playground", "y", Group.BUILD),
    Place("evaluations", language.N_("Evaluations"), "/console/evaluations", "e", Group.BUILD, needs=Needs.HOUSE),
    Place("schedules", language.N_("Schedules"), "/console/schedules", "s", Group.BUILD),
    Place("deploys", language.N_("Deploys"), "/console/deploys", "p", Group.SHIP),
    Place("releases", language.N_("Releases"), "/console/releases", "v", Group.SHIP),
    Place("checklists", language.N_("Checklists"), "/console/checklists", "k", Group.SHIP, needs=Needs.HOUSE),
    Place("workers", language.N_("Workers"), "/console/workers", "w", Group.SHIP),
    Place("providers", language.N_("Providers"), "/console/providers", "m", Group.GOVERN),
    Place("budgets", language.N_("Budgets"), "/console/budgets", "b", Group.GOVERN),
    Place("costs", language.N_("Costs"), "/console/costs", "c", Group.GOVERN),
    Place("keys", language.N_("API keys"), "/console/keys", "i", Group.GOVERN, needs=Needs.ADMIN),
    Place("users", language.N_("Users"), "/console/users", "u", Group.GOVERN, needs=Needs.ADMIN),
    Place("audit", language.N_("Audit"), "/console/audit", "h", Group.GOVERN, needs=Needs.ADMIN),
    Place("settings", language.N_("Settings"), "/console/settings", "x", Group.GOVERN, needs=Needs.FOR_ALL),
)


def reader(
    cookies: Mapping[str, str], accept_language: str, *, now: datetime, name: str, csrf: str, signed_in: bool = False,
    role: Role = Role.VIEWER, locales: Path = language.LOCALES, keeps_cases: bool = False, house: bool = False,
    for_all: bool = False,
) -> Reader:  # fmt: skip
    chosen = language.choose(cookies.get("fairlead_language"), accept_language, folder=locales)
    zone, zone_name = format.zone(unquote(cookies.get("fairlead_zone", "")))
    theme = cookies.get("fairlead_theme", "")
    fmt = format.Format(now, zone, zone_name, language.words(chosen, folder=locales))
    return Reader(
        name, theme if theme in THEMES else "", chosen, fmt, csrf, signed_in, writes=role.covers(Role.OPERATOR),
        admin=role.covers(Role.ADMIN), keeps_cases=keeps_cases, house=house, for_all=for_all,
    )  # fmt: skip


class FillOne(Protocol):
    def __call__(self, name: str, **values: Any) -> str: ...


class Rest(Protocol):
    def __call__(self, name: str, **values: Any) -> Iterator[str]: ...


class Pages:
    """The templates, and how to fill one for a reader."""

    def __init__(
        self, assets: Assets, *, environment_name: str, trace_url: str | None = None,
        locales: Path = language.LOCALES,
    ) -> None:  # fmt: skip
        self.assets = assets
        self.languages = {name: language.NAMES.get(name, name) for name in language.languages(locales)}
        self.environment_name = environment_name
        self.trace_url = trace_url
        self.served: frozenset[str] = frozenset()  # paths there are pages for
        self.templates: dict[str, Environment] = {}
        self._compiled = Compiled(_TEMPLATES, _HOW)
        self._listed: dict[Hashable, list[tuple[str, list[Place]]]] = {}

    def fill(self, template: str, reader: Reader, **values: Any) -> str:
        return self._environment(reader).get_template(template).render(**self._given(reader), **values)

    def begin(self, template: str, reader: Reader, **values: Any) -> tuple[str, Rest]:
        """A page up to its own part, written without what that part shows; and what writes the rest, given that, or
        the own part of another page in its place."""
        environment = self._environment(reader)
        found, chosen = environment.get_template(template), list[str]()
        context = found.new_context({**self._given(reader), **values})

        def main(inner: Context) -> Iterator[str]:
            yield _HERE
            yield from environment.get_template(chosen[0]).blocks["main"](inner)

        context.blocks["main"] = [main]
        pieces = found.root_render_func(context)

        def rest(name: str, **values: Any) -> Iterator[str]:
            chosen.append(name)
            context.parent.update(values)
            return pieces

        return "".join(iter(partial(next, pieces), _HERE)), rest

    def macros(self, template: str, reader: Reader) -> FillOne:
        """Of a template that holds nothing else: to fill many for one reader, at half the time of `fill`."""
        module = self._environment(reader).get_template(template).make_module(self._given(reader))

        def fill(name: str, **values: Any) -> str:
            return getattr(module, name)(**values)

        return fill

    def _given(self, reader: Reader) -> dict[str, Any]:
        return {
            "reader": reader, "fmt": reader.fmt, "asset": self.assets.url, "places": self._places(reader),
            "languages": self.languages, "environment_name": self.environment_name, "trace_url": self.trace_url,
        }  # fmt: skip

    def _places(self, reader: Reader) -> list[tuple[str, list[Place]]]:
        """Made once: most of what is filled is a small part of a page that is open."""
        key = self.served, reader.admin, reader.house, reader.for_all
        if key not in self._listed:
            self._listed[key] = _places(reader, self.served)
        return self._listed[key]

    def _environment(self, reader: Reader) -> Environment:
        """One for each language: newstyle gettext is bound to the environment."""
        if reader.language not in self.templates:
            self.templates[reader.language] = _environment(reader, self._compiled)
        return self.templates[reader.language]


def _places(reader: Reader, served: Collection[str]) -> list[tuple[str, list[Place]]]:
    """Those this reader may see and that are there, by group."""
    seen = [place for place in PLACES if place.path in served and (place.needs is None or _opens(reader, place.needs))]
    return [(group.value, list(places)) for group, places in groupby(seen, key=lambda place: place.group)]


def _opens(reader: Reader, needs: Needs) -> bool:
    match needs:
        case Needs.ADMIN:
            return reader.admin
        case Needs.HOUSE:
            return reader.house
        case Needs.FOR_ALL:
            return reader.admin and reader.for_all


def _environment(reader: Reader, compiled: Compiled) -> Environment:
    environment = Environment(
        bytecode_cache=compiled,
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=ChainableUndefined,
        auto_reload=False,  # templates change only with the release
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    environment.policies["ext.i18n.trimmed"] = True
    environment.install_gettext_translations(reader.fmt.words, newstyle=True)  # type: ignore[attr-defined]
    given: dict[str, Any] = {
        "script_words": {name: reader.fmt.words.gettext(word) for name, word in _SCRIPT_WORDS.items()},
        "say": partial(found.in_words, fmt=reader.fmt),  # what was written elsewhere: it may hold a sign of per cent
        "known": partial(below.is_known, fmt=reader.fmt),
        "state_of": state.of_run,
        "status_state": state.of_status,
        "json_view": json_view.view,
    }
    cast("dict[str, Any]", environment.globals).update(given)
    return environment
