"""Whose money and whose model calls: scopes of budgets and of the kill switch, as a page shows and asks for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from fairlead.errors import InvalidInput, NotFound
from fairlead.gateway.allowance import ANY
from fairlead.web.console.doors import Doors
from fairlead.web.console.format import Format
from fairlead.web.console.language import N_

KINDS = {
    "all": N_("All model calls"), "agent": N_("Agent"), "user": N_("User"), "key": N_("API key"),
    "metadata": N_("Metadata"), "provider": N_("Provider"),
}  # fmt: skip
_WORDS = {
    "agent": N_("agent"), "user": N_("user"), "key": N_("API key"), "metadata": N_("metadata"),
    "provider": N_("provider"),
}  # fmt: skip
_EACH = {
    "agent": N_("each agent"), "user": N_("each user"), "key": N_("each API key"), "metadata": N_("each %(name)s"),
}  # fmt: skip
_COSTS = ("agent", "user", "key", "provider")


@dataclass(frozen=True, slots=True)
class Named:
    """A scope in words: `name` stands out, `kind` stands beside it. `costs` is what the explorer is told by."""

    scope: str
    name: str
    kind: str
    costs: dict[str, str] | None = None


def named(scope: str, keys: Mapping[str, str], fmt: Format) -> Named:
    """`keys`: names by ids."""
    _ = fmt.words.gettext
    kind, _colon, name = scope.partition(":")
    if kind == "all":
        return Named(scope, _(KINDS["all"]), "", {})
    if name == ANY or name.endswith(f"={ANY}"):
        return Named(scope, _(_EACH.get(kind, scope)) % {"name": name.partition("=")[0]}, "")
    shown = keys.get(name, name) if kind == "key" else name
    return Named(scope, shown, _(_WORDS.get(kind, kind)), {kind: name} if kind in _COSTS else None)


async def scope_of(doors: Doors, tenant: str, kind: str, name: str) -> str:
    """What somebody chose in a form. A key is called by its name, or by its id. Raises `InvalidInput`."""
    if kind not in KINDS:
        raise InvalidInput(f"{kind[:60]!r} is nothing that can be limited or stopped.", hint=", ".join(KINDS))
    if kind == "all":
        return "all"
    if not name.strip():
        raise InvalidInput("No name was given.", hint="Go back and write whose calls are meant; * means each.")
    if kind == "key" and name != ANY:
        try:
            name = (await doors.books.keys.get(name.strip(), tenant=tenant)).id
        except NotFound:  # an id, then, or a key that is still to be made
            pass
    return f"{kind}:{name.strip()}"


def address(path: str, **given: str) -> str:
    return f"{path}?{urlencode(given)}"
