"""What a run has recorded, looked up by where and what a step is.

The exact key first (branch, kind, name, digest of the input, ordinal); else a record of the same kind, name and digest,
wherever it was made, once nobody with a better right claims it. A miss in a branch that still has unclaimed records
means the run took another path.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from fairlead.runs.branch import INSIDE, Branch
from fairlead.runs.run import Event

_SETTLED = ("step", "failed", "outcome")


@dataclass(slots=True)
class Record:
    """One thing known of a step. `settled` is what came of it; without it, it had only begun.

    `lost` counts the times it was begun and nothing came of it: its worker died.
    """

    key: str
    kind: str
    name: str
    branch: str
    digest: str
    begun: Event | None = None  # an intent, or what it waits for
    settled: Event | None = None
    lost: int = 0
    told: bool = False  # that the run passed it by
    retried: bool = False  # a person wants it done again

    @property
    def failed(self) -> bool:
        """By itself, or because a person said so."""
        return self.settled is not None and bool(self.settled.data and "error" in self.settled.data)


class Book:
    """The records of one run; each is handed out once.

    A record that was handed out under another key than its own is that step's from then on, on every later resume:
    an *alias* says so.
    """

    def __init__(self, events: Iterable[Event]) -> None:
        self._records: dict[str, Record] = {}
        self._aliases: dict[str, str] = {}
        self._known: dict[str, None] = {}
        self._inside: dict[str, list[str]] = {}  # keys of steps within a step, by its key
        self._failed: list[Record] = []  # to be done again; what they cost stays spent
        self.other_path_accepted = False  # a person resumed the run although it had diverged
        for event in events:
            if event.type == "retried":
                self._forget_failures()
            elif event.type == "alias":
                self._aliases[event.key or ""] = event.data["of"]
            elif event.type == "resumed":
                self.other_path_accepted |= bool(event.data and event.data.get("diverged"))
            elif event.type == "forked":
                self.other_path_accepted |= bool(event.data and event.data.get("other_path"))
            elif event.key is not None:
                self._note(event)

    @property
    def left(self) -> int:
        return len(self._records)

    def all(self) -> Iterable[Record]:
        """Every record not handed out yet, and those that are to be done again."""
        return (*self._failed, *self._records.values())

    def known(self) -> Iterable[Record]:
        """Every record that stands: not those that are to be done again."""
        return tuple(self._records.values())

    def take(self, key: str) -> Record | None:
        """The record of exactly this step, which nobody else will get; None when it has none."""
        if not self._records:
            return None
        mine = self._aliases.get(key) or (key if key not in self._aliases.values() else None)
        return None if mine is None else self._records.pop(mine, None)

    def like(self, kind: str, name: str, digest: str) -> Record | None:
        """A record of the same thing made elsewhere, for whoever will `claim` it; None when there is none."""
        reserved = self._aliases.values()
        what = (kind, name, digest)
        alike = (r for r in self._records.values() if (r.kind, r.name, r.digest) == what and r.key not in reserved)
        return next(alike, None)

    def claim(self, record: Record) -> Record:
        """Nobody else will get it."""
        return self._records.pop(record.key)

    def forget_inside(self, key: str) -> None:
        """The step is answered from its record: nobody will ask for the steps within it."""
        for one in self._inside.pop(key, ()):
            self._records.pop(one, None)

    def failed_before(self, key: str) -> bool:
        """Whether a retry has this step done again: that is no other path."""
        return any(record.key == key for record in self._failed)

    def free_key(self, key: str) -> str:
        """`key`, or one like it when a record that was handed to another step bears it."""
        return key if key not in self._known else self.free_key(f"{key}+")

    def passed_by(self, branch: Branch) -> list[Record]:
        """Records that `branch`, having no record for its next step, has gone past: its own, and those of branches
        it started that have ended."""
        below = f"{branch.path}/" if branch.path else ""
        return [
            record
            for record in self._records.values()
            if record.branch == branch.path
            or (record.branch.startswith(below) and record.branch and not branch.lives(record.branch))
        ]

    def _note(self, event: Event) -> None:
        key = event.key or ""
        self._known[key] = None
        record = self._records.get(key)
        if record is None:
            record = Record(key, event.kind or "", event.name or "", event.branch, event.digest)
            self._records[key] = record
            self._place(record)
        if event.type in _SETTLED:
            record.settled = event
        else:
            record.lost += record.begun is not None and record.settled is None
            record.begun, record.settled = event, None  # begun again after a person said "repeat"

    def _place(self, record: Record) -> None:
        for part in record.branch.split("/") if INSIDE in record.branch else ():
            if part.startswith(INSIDE):
                self._inside.setdefault(part.removeprefix(INSIDE), []).append(record.key)

    def _forget_failures(self) -> None:
        """What failed is done again. An effect that had begun stays known as begun: its tool may have had it."""
        for key, record in list(self._records.items()):
            if not record.failed:
                continue
            self._failed.append(self._records.pop(key))
            self._known.pop(key, None)
            if record.begun is not None and record.kind == "tool":
                self._records[key] = replace(record, settled=None, retried=True)
