"""Rows drawn in pieces: of a row that looks different only the pieces that do are drawn again."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping


class Pieces:
    """What was drawn last of each row, by its id."""

    def __init__(self) -> None:
        self._drawn: dict[str, dict[str, tuple[Hashable, str]]] = {}

    def row(self, mark: str, looks: Mapping[str, Hashable], fill: Callable[[str], str]) -> str:
        """The HTML of its pieces one after the other. `looks`: all that each is drawn from, in their order."""
        known, now = self._drawn.get(mark, {}), dict[str, tuple[Hashable, str]]()
        for name, look in looks.items():
            piece = known.get(name)
            now[name] = piece if piece is not None and piece[0] == look else (look, fill(name))
        self._drawn[mark] = now
        return "".join([html for _, html in now.values()])

    def keep(self, wanted: Callable[[str], bool], *, most: int) -> None:
        """Forget rows that are not wanted any more, where there are more than `most`."""
        if len(self._drawn) > most:
            self._drawn = {mark: known for mark, known in self._drawn.items() if wanted(mark)}
