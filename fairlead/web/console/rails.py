"""Which row comes where, and the rails at its left: branches stay together, forking and joining as commits do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from fairlead.web.console.steps import Step

LANES = 4
_X0, _APART = 10, 9  # px
_NO_LANES = frozenset[int]()  # shared: most rows of a run of thousands have none


@dataclass(slots=True)
class Rail:
    """What to draw left of one row: whole lines passing by, and the half lines at its own node."""

    lane: int
    up: bool = False
    down: bool = False
    through: frozenset[int] = _NO_LANES
    fork: frozenset[int] = _NO_LANES  # lanes that leave from here, downwards
    join: frozenset[int] = _NO_LANES  # lanes that arrive here, from above

    @staticmethod
    def x(lane: int) -> int:
        """Pixels from the left."""
        return _X0 + _APART * lane


@dataclass(slots=True)  # not frozen: that takes thrice the time, and a long run has thousands
class Placed:
    """A step, or a folded branch standing for `hidden` steps."""

    step: Step
    rail: Rail
    folded: str = ""  # the branch whose steps are not shown
    hidden: tuple[Step, ...] = ()
    begins: str = ""  # the branch that begins with this row


def arrange(steps: Sequence[Step], *, unfolded: frozenset[str] = frozenset(), fold_over: int = 50) -> list[Placed]:
    """Rows in reading order. A branch of more than `fold_over` steps is one row until it is unfolded. `steps`: in the
    order in which they began."""
    if not any(step.branch for step in steps):
        return _in_a_line(steps)
    layout = _Layout(unfolded, fold_over)
    layout.lay(_tree(steps), 0, None)
    return layout.rows


@dataclass(slots=True)
class _Branch:
    path: str
    steps: list[Step] = field(default_factory=list[Step])
    below: dict[str, _Branch] = field(default_factory=dict[str, "_Branch"])

    @property
    def all(self) -> list[Step]:
        return [*self.steps, *(step for branch in self.below.values() for step in branch.all)]


def _tree(steps: Sequence[Step]) -> _Branch:
    root = _Branch("")
    for step in steps:
        branch, path = root, ""
        for part in step.branch.split("/") if step.branch else ():
            path = f"{path}/{part}" if path else part
            branch = branch.below.setdefault(path, _Branch(path))
        branch.steps.append(step)
    return root


@dataclass(frozen=True, slots=True)
class _End:
    """A rail that is not joined yet: from this row on, in this lane."""

    lane: int
    row: int


class _Layout:
    def __init__(self, unfolded: frozenset[str], fold_over: int) -> None:
        self.rows: list[Placed] = []
        self.unfolded = unfolded
        self.fold_over = fold_over
        self.widest = 0

    def lay(self, branch: _Branch, lane: int, source: int | None, begins: str = "") -> list[_End]:
        """The rows of a branch and of those below it, by when they began. Says which rails are left to be joined."""
        ends: list[_End] = []
        if source is not None:
            ends = [_End(min(self.rows[source].rail.lane, lane), source)]
        self.widest = lane
        forked: list[_End] = []
        children = _by_begin(branch)
        for step in [*_in_order(branch.steps), None]:
            while children and (step is None or children[0][0] < step.begin):
                child = children.pop(0)[1]
                side = self.widest + 1 if forked else lane + 1
                forked += self._child(child, side, ends[-1].row if ends else None)
            if step is None:
                break
            row = self._add(step, lane, begins)
            begins = ""
            self._connect(forked or ends, row, lane)
            ends, forked = [_End(lane, row)], []
        return forked or (ends if branch.steps else [])

    def _child(self, child: _Branch, side: int, source: int | None) -> list[_End]:
        size = len(child.all)
        if size <= self.fold_over or child.path in self.unfolded:
            return self.lay(child, side, source, child.path)
        self.widest = side
        steps = tuple(_in_order(child.all))
        row = self._add(steps[0], side, child.path, folded=child.path, hidden=steps)
        if source is not None:
            self._connect([_End(self.rows[source].rail.lane, source)], row, side)
        return [_End(side, row)]

    def _add(self, step: Step, lane: int, begins: str, *, folded: str = "", hidden: tuple[Step, ...] = ()) -> int:
        self.rows.append(Placed(step, Rail(_seen(lane)), folded, hidden, begins))
        return len(self.rows) - 1

    def _connect(self, ends: list[_End], row: int, lane: int) -> None:
        """Lead every open rail to this row: straight, as a fork from below, or as a join from above."""
        mine = _seen(lane)
        rail = self.rows[row].rail
        for end in ends:
            other = _seen(end.lane)
            above = self.rows[end.row].rail
            side = max(mine, other)
            if other == mine:
                above.down = True
                rail.up = True
            elif other < mine:
                above.fork |= {mine}
                rail.up = True
            else:
                above.down = True
                rail.join |= {other}
            for passed in self.rows[end.row + 1 : row]:
                passed.rail.through |= {side}


def _in_a_line(steps: Sequence[Step]) -> list[Placed]:
    """What the layout makes of steps that are all of one branch: most runs of thousands are such."""
    last, middle = len(steps) - 1, Rail(0, up=True, down=True)
    return [
        Placed(step, middle if 0 < number < last else Rail(0, up=number > 0, down=number < last))
        for number, step in enumerate(steps)
    ]


def _in_order(steps: Sequence[Step]) -> list[Step]:
    return sorted(steps, key=lambda step: (step.begin, step.seq))


def _by_begin(branch: _Branch) -> list[tuple[datetime, _Branch]]:
    found = [(min(step.begin for step in child.all), child) for child in branch.below.values() if child.all]
    return sorted(found, key=lambda pair: (pair[0], pair[1].path))


def _seen(lane: int) -> int:
    return min(lane, LANES - 1)
