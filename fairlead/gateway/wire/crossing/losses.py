"""What can't be carried from one format to another: refused, or left out and named."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from fairlead.errors import InvalidInput
from fairlead.gateway.wire.wire import Json

_HINT = "Leave it out, use a provider that speaks the format of the request, or allow losses."


class Losses:
    """With `lossy`, `dropped` names what was left out; without, the first loss is an InvalidInput."""

    def __init__(self, *, lossy: bool) -> None:
        self._lossy = lossy
        self.dropped: list[str] = []

    def lose(self, field: str, hint: str = _HINT) -> None:
        """The answer could be another one without it."""
        if not self._lossy:
            raise InvalidInput(f"`{field}` can't be carried to the provider's format.", hint=hint)
        self._name(field)

    def leave(self, field: str) -> None:
        """Left out and named in any case: it changes what the answer costs or how fast it comes, not what it says."""
        self._name(field)

    def rest(self, value: Json, at: str, *, carried: Collection[str], left: Collection[str] = ()) -> None:
        """What nobody has carried of this object is lost. Null and empty say nothing."""
        for name, held in value.items():
            if name in carried or _says_nothing(held):
                continue
            if name in left:
                self.leave(name)
            else:
                self.lose(f"{at}.{name}" if at else name)

    def _name(self, field: str) -> None:
        if field not in self.dropped:
            self.dropped.append(field)


def _says_nothing(value: Any) -> bool:
    return value is None or value == {} or value == []
