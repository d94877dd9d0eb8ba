"""Push notification configs of A2A: what a client sends, and what it is shown."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from fairlead.runs.task_pushes import HEADER, Push
from fairlead.web.api.rpc import Params

# Described only: whoever sends something else is told so in the words of A2A.
InHeader = Annotated[str, Field(json_schema_extra={"pattern": f"^({HEADER})?$"})]


class Authentication(Params):
    scheme: str = ""
    credentials: InHeader = ""


class PushConfig(Params):
    """With a SendMessage it is of the task that comes of it."""

    id: str = Field("", max_length=200)
    task_id: str = Field("", alias="taskId", max_length=200)
    url: str = Field(min_length=1, max_length=2000)
    token: InHeader = ""
    authentication: Authentication = Field(default_factory=Authentication)

    def push(self, run_id: str) -> Push:
        return Push(run_id, self.id, self.url, self.token, self.authentication.scheme, self.authentication.credentials)


class OnePush(Params):
    task_id: str = Field(alias="taskId")
    id: str


class PushesOf(Params):
    task_id: str = Field(alias="taskId")


def push_view(push: Push) -> dict[str, Any]:
    """Without token and credentials: whoever set them knows them."""
    shown = {"id": push.id, "taskId": push.run_id, "url": push.url}
    return {**shown, "authentication": {"scheme": push.scheme}} if push.scheme else shown
