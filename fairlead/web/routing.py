"""Which operation answers a request: its method, and the segments of its address.

The framework's router tries one route after the other, and leaves three frames in every stream that is open.
"""

from __future__ import annotations

from collections.abc import Iterable

from fastapi.routing import APIRoute
from starlette.types import ASGIApp

Segments = tuple[str, ...]
_ANY = ""  # a parameter: any segment but an empty one


class Routes:
    """A fixed address before one with parameters, and of those the one that was declared first."""

    def __init__(self, routes: Iterable[APIRoute]) -> None:
        self._fixed: dict[tuple[str, str], ASGIApp] = {}
        self._open: dict[tuple[str, int], list[tuple[Segments, Segments, ASGIApp]]] = {}
        for route in routes:
            for method in route.methods or ():
                self._add(method, route.path, route.app)

    def find(self, method: str, path: str) -> tuple[ASGIApp, dict[str, str]] | None:
        """What answers, and the parameters in the address."""
        if (fixed := self._fixed.get((method, path))) is not None:
            return fixed, {}
        given = path[1:].split("/")
        for wanted, names, app in self._open.get((method, len(given)), ()):
            if all(want == have if want else have for want, have in zip(wanted, given, strict=True)):
                parameters = [have for want, have in zip(wanted, given, strict=True) if want == _ANY]
                return app, dict(zip(names, parameters, strict=True))
        return None

    def _add(self, method: str, path: str, app: ASGIApp) -> None:
        if "{" not in path:
            self._fixed[method, path] = app
            return
        segments = path[1:].split("/")
        names = tuple(one[1:-1] for one in segments if one.startswith("{"))
        wanted = tuple(_ANY if one.startswith("{") else one for one in segments)
        self._open.setdefault((method, len(segments)), []).append((wanted, names, app))
