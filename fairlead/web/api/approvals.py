"""Questions that runs put to people."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from fairlead.access import Role
from fairlead.errors import NotFound
from fairlead.runs.asked import names_of
from fairlead.runs.run import Approval
from fairlead.web.api.call import Call
from fairlead.web.api.doors import Doors
from fairlead.web.api.operation import Operation
from fairlead.web.api.reply import Reply, json_reply
from fairlead.web.api.run_body import Body
from fairlead.web.api.shape import Shape
from fairlead.web.api.views import ApprovalView, approval_view


class ApprovalQuery(Shape):
    run_id: str | None = None
    open: bool = Field(True, description="Only those that wait for an answer.")
    agent: str | None = Field(None, description="Asked by runs of this agent.")
    overdue: bool = Field(False, description="Only those whose time is over and that nobody has closed yet.")
    mine: bool = Field(False, description="Only those that the caller may answer.")
    role: Role | None = Field(None, description="Only those that this role is asked.")
    before: str | None = Field(None, description="Older than the one of this id: the next page.")
    limit: Annotated[int, Field(ge=1, le=1000)] = 100


class Answer(Body):
    approved: bool
    comment: Annotated[str, Field(max_length=10_000)] | None = None


class Approvals:
    def __init__(self, doors: Doors) -> None:
        self._doors = doors

    def operations(self) -> list[Operation]:
        return [
            Operation("GET", "/approvals", self.list, "Questions to people", query=ApprovalQuery,
                      gives=list[ApprovalView], tag="approvals"),
            Operation("GET", "/approvals/{approval_id}", self.get, "One question", gives=ApprovalView,
                      tag="approvals", problems=(404,)),
            Operation("POST", "/approvals/{approval_id}", self.answer, "Answer a question", role=Role.OPERATOR,
                      body=Answer, gives=ApprovalView, tag="approvals", audit="approval.answer", problems=(404, 409)),
        ]  # fmt: skip

    async def list(self, call: Call) -> Reply:
        query = call.query(ApprovalQuery)
        names, anybody = _names(query, call)
        found = await self._doors.control.approvals(
            tenant=call.tenant,
            run_id=query.run_id,
            open_only=query.open,
            limit=query.limit,
            agent=query.agent,
            overdue=query.overdue,
            before=query.before,
            names=names,
            anybody=anybody,
        )
        return json_reply([self._view(one) for one in found])

    async def get(self, call: Call) -> Reply:
        wanted = call.path["approval_id"]
        found = await self._doors.control.approvals(tenant=call.tenant, approval_id=wanted, open_only=False)
        if not found:
            raise NotFound(f"There is no approval {wanted}.")
        return json_reply(self._view(found[0]))

    async def answer(self, call: Call) -> Reply:
        """Once: a second answer is a conflict, and so is an answer that comes too late."""
        body = await call.body(Answer)
        call.noted["approved"] = body.approved
        comment = body.comment.replace("\0", "") if body.comment is not None else None
        answered = await self._doors.control.answer(
            call.path["approval_id"], body.approved, by=call.by, comment=comment, tenant=call.tenant,
            caller=call.visit.caller,
        )  # fmt: skip
        return json_reply(self._view(answered))

    def _view(self, approval: Approval) -> dict[str, Any]:
        return approval_view(approval, self._doors.clock.now())


def _names(query: ApprovalQuery, call: Call) -> tuple[list[str] | None, bool]:
    """Under which names those that are wanted were asked, and whether those that anybody may answer are wanted too."""
    caller = call.visit.caller
    if query.role is not None:
        return [f"role:{query.role.value}"], False
    if not query.mine or caller.installation:
        return None, False
    return names_of(caller), caller.role.covers(Role.OPERATOR)
