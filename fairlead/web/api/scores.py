"""Scores and comments on runs.

POST, GET /runs/{id}/scores   GET, PATCH, DELETE …/{score_id}   GET /scores, /scores/sums   POST /feedback/{secret}
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

from pydantic import ConfigDict, Field

from fairlead.access import Role
from fairlead.errors import InvalidInput
from fairlead.gateway.period import parse_period
from fairlead.runs.scores import By, NewScore, Score, Source, Wanted
from fairlead.web.api.call import Call
from fairlead.web.api.doors import Doors
from fairlead.web.api.operation import Operation
from fairlead.web.api.reply import JsonReply, Reply, json_reply
from fairlead.web.api.run_body import Body, wants_one_of
from fairlead.web.api.run_body import ScoreName as Name
from fairlead.web.api.shape import Shape

_GREATEST = 1e300
Text = Annotated[str, Field(max_length=10_000, pattern=r"^[^\x00]*$")]
Author = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f]*$")]
Number = Annotated[float, Field(ge=-_GREATEST, le=_GREATEST)]
Category = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f]*$")]


class ScoreCreate(Body):
    name: Name
    value: bool | Number | Category = Field(description="A number, yes or no, or a category.")
    comment: Text | None = None
    source: Source = Field(Source.PERSON, strict=False)
    author: Author | None = Field(None, description="Default: who calls. Each author has one score of a name.")
    step: Annotated[str, Field(min_length=1, max_length=1000)] | None = Field(
        None, description="The key of the step that is meant."
    )


class ScorePatch(Body):
    # A comment of null takes it away.
    model_config = ConfigDict(json_schema_extra={"anyOf": [
        {"required": ["value"], "properties": {"value": {"not": {"type": "null"}}}}, {"required": ["comment"]},
    ]})  # fmt: skip

    value: bool | Number | Category | None = None
    comment: Text | None = None


class Feedback(Body):
    model_config = wants_one_of("value", "score")

    value: bool | Number | Category | None = None
    score: bool | Number | None = Field(None, description="The same, as LangSmith's clients say it.")
    comment: Text | None = None


class ScoreQuery(Shape):
    model_config = ConfigDict(extra="forbid")

    name: str | None = None
    source: Source | None = None
    author: str | None = None
    agent: str | None = None
    release: str | None = None
    assistant_id: str | None = None
    since: str | None = Field(
        None, alias="from", description="A date, a moment, today, yesterday, or how long ago: 24h, 7d. UTC."
    )
    until: str | None = Field(None, alias="to", description="As `from`; a day is part of the period.")


class ScoreList(ScoreQuery):
    run_id: str | None = None
    limit: Annotated[int, Field(ge=1, le=1000)] = 100
    offset: Annotated[int, Field(ge=0, le=1_000_000)] = 0


class ScoreSums(ScoreQuery):
    by: By | None = None


class ScoreView(Shape):
    id: str
    run_id: str
    name: str
    value: bool | float | str
    kind: str
    comment: str | None
    source: str
    author: str
    step: str | None
    agent: str
    release: str
    assistant_id: str
    assistant_version: int
    created_at: datetime
    updated_at: datetime


class SumView(Shape):
    part: str | None
    name: str
    kind: str
    count: int
    mean: float | None
    least: float | None
    most: float | None
    categories: dict[str, int]


class Scores:
    def __init__(self, doors: Doors) -> None:
        self._doors = doors
        self._scores = doors.scores

    def operations(self) -> list[Operation]:
        of_run, one = "/runs/{run_id}/scores", "/runs/{run_id}/scores/{score_id}"
        tag: dict[str, Any] = {"tag": "scores"}
        change: dict[str, Any] = {"role": Role.OPERATOR, "problems": (404,), "gives": ScoreView, **tag}
        return [
            Operation("POST", of_run, self.create, "Score a run, or a step of it", body=ScoreCreate, **change),
            Operation("GET", of_run, self.of_run, "Scores of a run, newest first", gives=list[ScoreView],
                      problems=(404,), **tag),
            Operation("GET", one, self.get, "One score", gives=ScoreView, problems=(404,), **tag),
            Operation("PATCH", one, self.patch, "Change value or comment", body=ScorePatch, **change),
            Operation("DELETE", one, self.delete, "Take a score back", role=Role.OPERATOR, status=204, problems=(404,),
                      **tag),
            Operation("GET", "/scores", self.list, "Scores, newest first", query=ScoreList, gives=list[ScoreView],
                      **tag),
            Operation("GET", "/scores/sums", self.sums, "Scores by agent, release, version or time", query=ScoreSums,
                      gives=list[SumView], **tag),
            Operation("POST", "/feedback/{secret}", self.feedback, "Leave a score by the link of a stream",
                      body=Feedback, role=None, gives=ScoreView, problems=(404,), **tag),
        ]  # fmt: skip

    async def create(self, call: Call) -> Reply:
        """The same name, source, author and step again changes the score that is there."""
        body = await call.body(ScoreCreate)
        run = await self._doors.control.get(call.path["run_id"], tenant=call.tenant)
        new = NewScore(body.name, body.value, body.source, body.author or call.by, body.comment, body.step)
        return json_reply(score_view(await self._scores.put(run, new)))

    async def of_run(self, call: Call) -> Reply:
        run = await self._doors.control.get(call.path["run_id"], tenant=call.tenant)
        found = await self._scores.list(Wanted(run_id=run.id), tenant=call.tenant, limit=1000)
        return json_reply([score_view(one) for one in found])

    async def get(self, call: Call) -> Reply:
        path = call.path
        return json_reply(score_view(await self._scores.get(path["run_id"], path["score_id"], tenant=call.tenant)))

    async def patch(self, call: Call) -> Reply:
        body = await call.body(ScorePatch)
        given = "comment" in body.model_fields_set
        if body.value is None and not given:
            raise InvalidInput("Send a value or a comment.")
        changed = await self._scores.change(
            call.path["run_id"], call.path["score_id"], tenant=call.tenant, value=body.value, comment=body.comment,
            comment_given=given,
        )  # fmt: skip
        return json_reply(score_view(changed))

    async def delete(self, call: Call) -> Reply:
        await self._scores.delete(call.path["run_id"], call.path["score_id"], tenant=call.tenant)
        return JsonReply(b"", status=204)

    async def list(self, call: Call) -> Reply:
        query = call.query(ScoreList)
        found = await self._scores.list(
            self._wanted(query, query.run_id), tenant=call.tenant, limit=query.limit, offset=query.offset
        )
        return json_reply([score_view(one) for one in found])

    async def sums(self, call: Call) -> Reply:
        query = call.query(ScoreSums)
        found = await self._scores.sums(self._wanted(query), tenant=call.tenant, by=query.by)
        return json_reply([asdict(one) for one in found])

    async def feedback(self, call: Call) -> Reply:
        """Open to whoever has the link, which is for one name of one run."""
        body = await call.body(Feedback)
        value = body.score if body.value is None else body.value
        if value is None:
            raise InvalidInput("Send a value.")
        tenant, run_id, name = await self._scores.link(call.path["secret"])
        run = await self._doors.control.get(run_id, tenant=tenant)
        made = await self._scores.put(run, NewScore(name, value, author="feedback link", comment=body.comment))
        return json_reply(score_view(made))

    def _wanted(self, query: ScoreQuery, run_id: str | None = None) -> Wanted:
        period = None
        if query.since or query.until:
            period = parse_period(query.since, query.until, now=self._doors.clock.now())
        return Wanted(
            run_id, query.name, query.source, query.author, query.agent, query.release, query.assistant_id,
            period.since if period and query.since else None, period.until if period and query.until else None,
        )  # fmt: skip


def score_view(score: Score) -> dict[str, Any]:
    return {name: getattr(score, name) for name in ScoreView.model_fields}
