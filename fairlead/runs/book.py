"""What a run has recorded, looked up by where and what a step is.

The exact key first (branch, kind, name, digest of the input, ordinal); else an unclaimed record of the same kind, name
and digest, wherever it was made. A miss in a branch that still has unclaimed records means the run took another path.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from fairlead.runs.branch import Branch
from fairlead.runs.run import Event

_SETTLED = ("step", "failed", "outcome")


@dataclass(slots=True)
class Record:
    """One thing known of a step. `settled` is what came of it; without it, it had only begun."""

    key: str
    kind: str
    name: str
    branch: str
    digest: str
    begun: Event | None = None  # an intent, or what it waits for
    settled: Event | None = None


class Book:
    """The records of one run; each is handed out once."""

    def __init__(self, events: Iterable[Event]) -> None:
        self._records: dict[str, Record] = {}
        self.other_path_accepted = False  # a person resumed the run although it had diverged
        for event in events:
            if event.type == "retried":
                self._forget_failures()
            elif event.type == "resumed":
                self.other_path_accepted = bool(event.data and event.data.get("diverged"))
            elif event.key is not None:
                self._note(event)

    @property
    def left(self) -> int:
        return len(self._records)

    def remaining(self) -> Iterable[Record]:
        return self._records.values()

    def take(self, key: str, kind: str, name: str, digest: str) -> Record | None:
        """The record of this step, which nobody else will get; None when it has none."""
        if not self._records:
            return None
        found = self._records.pop(key, None)
        if found is None:
            found = next(
                (r for r in self._records.values() if (r.kind, r.name, r.digest) == (kind, name, digest)), None
            )
            if found is not None:
                del self._records[found.key]
        return found

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
        record = self._records.get(key)
        if record is None:
            record = Record(key, event.kind or "", event.name or "", event.branch, event.digest)
            self._records[key] = record
        if event.type in _SETTLED:
            record.settled = event
        else:
            record.begun, record.settled = event, None  # begun again after a person said "repeat"

    def _forget_failures(self) -> None:
        failed = [key for key, r in self._records.items() if r.settled is not None and r.settled.type == "failed"]
        for key in failed:
            del self._records[key]
