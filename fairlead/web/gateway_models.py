"""GET /v1/models and /v1/models/NAME, in the shape that clients of both kinds read."""

from __future__ import annotations

from itertools import islice
from typing import Any

from fairlead.access import Principal
from fairlead.errors import FairleadError, NotFound
from fairlead.gateway import Gateway

PATH = "/v1/models"
_MOST = 1000
_EPOCH = "1970-01-01T00:00:00Z"  # Anthropic's clients expect a moment; when a model was made is not known


class ModelList:
    """What a caller's key may ask for, of what has a name: declared models, and models with a price."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._names: tuple[str, ...] | None = None

    def answer(self, path: str, caller: Principal) -> dict[str, Any]:
        """Raises NotFound for a model that nobody could ask."""
        name = path.removeprefix(PATH).lstrip("/")
        return self._one(name, caller) if name else self._all(caller)

    def _all(self, caller: Principal) -> dict[str, Any]:
        if self._names is None:  # names don't change while we live
            self._names = tuple(dict.fromkeys(self._gateway.known_models()))
        listed = [_entry(name) for name in islice(filter(caller.may_ask, self._names), _MOST)]
        return {
            "object": "list",
            "data": listed,
            "has_more": False,
            "first_id": listed[0]["id"] if listed else None,
            "last_id": listed[-1]["id"] if listed else None,
        }

    def _one(self, name: str, caller: Principal) -> dict[str, Any]:
        """A model need not be listed to be asked for."""
        try:
            self._gateway.check(name)
        except FairleadError as error:
            raise NotFound(error.message, hint=error.hint) from error
        if not caller.may_ask(name):
            raise NotFound(f"There is no model {name} for this key.", hint=f"GET {PATH} lists what there is.")
        return _entry(name)


def _entry(name: str) -> dict[str, Any]:
    return {
        "id": name, "object": "model", "created": 0, "owned_by": name.partition("/")[0] if "/" in name else "fairlead",
        "type": "model", "display_name": name, "created_at": _EPOCH,
    }  # fmt: skip
