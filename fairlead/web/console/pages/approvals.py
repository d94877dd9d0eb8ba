"""The inbox: questions that wait for a person, the one that expires first on top."""

from __future__ import annotations

from dataclasses import dataclass

from fairlead.runs.run import Approval
from fairlead.web.console.door import Door

PATH = "/console/approvals"


@dataclass(frozen=True, slots=True)
class ApprovalsView:
    waiting: tuple[Approval, ...]


async def read(door: Door) -> list[Approval]:
    return list(await door.approvals(waiting=True))


def shape(approvals: list[Approval]) -> ApprovalsView:
    return ApprovalsView(tuple(sorted(approvals, key=lambda one: one.expires_at)))
