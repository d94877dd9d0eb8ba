"""Which operation answers a request: its method, and the segments of its address.

The framework's router tries one route after the other, and leaves three frames in every stream that is open.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from starlette.types import ASGIApp


class Route(NamedTuple):
    method: str
    path: str  # `/threads/{thread_id}`
    answers: ASGIApp


@dataclass(slots=True)
class _Place:
    """Where the segments of an address have led so far."""

    fixed: dict[str, _Place] = field(default_factory=dict[str, "_Place"])
    any: _Place | None = None  # a parameter: any segment but an empty one
    ending: dict[str, _Place] = field(default_factory=dict[str, "_Place"])  # a parameter with something after it
    answers: dict[str, tuple[ASGIApp, tuple[str, ...]]] = field(
        default_factory=dict[str, tuple[ASGIApp, tuple[str, ...]]]
    )
    """By method, with the names of the parameters."""


class Routes:
    """A word that an address names goes before a parameter in its place, whatever the method: `/threads/search` is no
    thread, and `/tasks/7:cancel` not the task `7:cancel`."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._root = _Place()
        for route in routes:
            self._add(route)

    def find(self, method: str, path: str) -> tuple[ASGIApp, dict[str, str]] | None:
        """What answers, and the parameters in the address."""
        found = _found(self._root, path[1:].split("/"), ())
        if found is None or (answer := found[0].answers.get(method)) is None:
            return None
        app, names = answer
        return app, dict(zip(names, found[1], strict=True))

    def methods(self, path: str) -> list[str]:
        """Those that an address takes."""
        found = _found(self._root, path[1:].split("/"), ())
        return sorted(found[0].answers) if found else []

    def _add(self, route: Route) -> None:
        place, names = self._root, tuple[str, ...]()
        for segment in route.path[1:].split("/"):
            if segment.startswith("{"):
                name, _, end = segment[1:].partition("}")
                names = (*names, name)
                if end:
                    place = place.ending.setdefault(end, _Place())
                else:
                    place.any = place.any or _Place()
                    place = place.any
            else:
                place = place.fixed.setdefault(segment, _Place())
        place.answers.setdefault(route.method, (route.answers, names))


def _found(place: _Place, left: Sequence[str], given: tuple[str, ...]) -> tuple[_Place, tuple[str, ...]] | None:
    if not left:
        return (place, given) if place.answers else None
    segment, *rest = left
    if (named := place.fixed.get(segment)) is not None and (found := _found(named, rest, given)) is not None:
        return found
    for end, ended in place.ending.items():
        name = segment.removesuffix(end)
        if name and name != segment and (found := _found(ended, rest, (*given, name))) is not None:
            return found
    return _found(place.any, rest, (*given, segment)) if place.any is not None and segment else None
