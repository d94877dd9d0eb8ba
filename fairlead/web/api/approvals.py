"""Questions that runs put to people."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from fairlead.access import Role
from fairlead.web.api.call import Call
from fairlead.web.api.doors import Doors
from fairlead.web.api.operation import Operation
from fairlead.web.api.reply import Reply, json_reply
from fairlead.web.api.run_body import Body
from fairlead.web.api.views import ApprovalView, approval_view


class ApprovalQuery(BaseModel):
    run_id: str | None = None
    open: bool = Field(True, description="Only those that wait for an answer.")
    agent: str | None = Field(None, description="Asked by runs of this agent.")
    overdue: bool = Field(False, description="Only those whose time is over and that nobody has closed yet.")
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
            Operation("POST", "/approvals/{approval_id}", self.answer, "Answer a question", role=Role.OPERATOR,
                      body=Answer, gives=ApprovalView, tag="approvals", audit="approval.answer", problems=(404, 409)),
        ]  # fmt: skip

    async def list(self, call: Call) -> Reply:
        query = call.query(ApprovalQuery)
        found = await self._doors.control.approvals(
            tenant=call.tenant,
            run_id=query.run_id,
            open_only=query.open,
            limit=query.limit,
            agent=query.agent,
            overdue=query.overdue,
            before=query.before,
        )
        return json_reply([approval_view(one) for one in found])

    async def answer(self, call: Call) -> Reply:
        """Once: a second answer is a conflict, and so is an answer that comes too late."""
        body = await call.body(Answer)
        call.noted["approved"] = body.approved
        comment = body.comment.replace("\0", "") if body.comment is not None else None
        answered = await self._doors.control.answer(
            call.path["approval_id"], body.approved, by=call.by, comment=comment, tenant=call.tenant
        )
        return json_reply(approval_view(answered))
