"""What a client of A2A sends: a message of parts, and what an agent is given of it."""

from __future__ import annotations

import base64
from typing import Annotated, Any, Literal, cast

import orjson
from pydantic import AfterValidator, ConfigDict, Field

from fairlead.web.api.a2a_push import PushConfig
from fairlead.web.api.rpc import INVALID_PARAMS, Params, RpcError

_LONGEST_ID = 200
_ID = r"^([A-Za-z0-9][A-Za-z0-9._:-]{0,127})?$"  # of ours, or none
_YES = frozenset(("yes", "y", "approve", "approved", "ok", "true"))
_NO = frozenset(("no", "n", "deny", "denied", "reject", "rejected", "false"))

_BASE64: dict[str, Any] = {"pattern": r"^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"}
_KINDS: dict[str, dict[str, Any]] = {
    "text": {"type": "string"}, "raw": {"type": "string", **_BASE64}, "url": {"type": "string"}, "data": {},
}  # fmt: skip
_NONE: dict[str, Any] = {"type": "null"}
_GIVEN: list[Any] = [
    {
        "required": [kind],
        "properties": {**{one: _NONE for one in _KINDS if one != "data"}, kind: said},
        **({} if kind == "data" else {"not": {"required": ["data"]}}),
    }
    for kind, said in _KINDS.items()
]


def _checked(raw: str) -> str:
    try:
        base64.b64decode(raw, validate=True)
    except ValueError:
        raise ValueError("it is not base64") from None
    return raw


class Part(Params):
    """One of text, raw (base64), url or data."""

    model_config = ConfigDict(json_schema_extra={"oneOf": _GIVEN})

    text: str | None = None
    raw: Annotated[str, AfterValidator(_checked), Field(json_schema_extra=_BASE64)] | None = None
    url: str | None = None
    data: Any = None
    filename: str = ""
    media_type: str = Field("", alias="mediaType")
    metadata: dict[str, Any] | None = None

    @property
    def kinds(self) -> list[str]:
        given = [name for name in ("text", "raw", "url") if getattr(self, name) is not None]
        return [*given, "data"] if "data" in self.model_fields_set else given


class Message(Params):
    message_id: str = Field(alias="messageId", min_length=1, max_length=_LONGEST_ID)
    role: Literal["ROLE_USER"]
    parts: list[Part] = Field(min_length=1, max_length=100)
    context_id: str = Field("", alias="contextId", pattern=_ID)
    task_id: str = Field("", alias="taskId", pattern=_ID)
    metadata: dict[str, Any] | None = None


class Configuration(Params):
    accepted_output_modes: list[str] = Field(default_factory=list[str], alias="acceptedOutputModes")
    history_length: int | None = Field(None, alias="historyLength", ge=0)
    return_immediately: bool = Field(False, alias="returnImmediately")
    push: PushConfig | None = Field(None, alias="taskPushNotificationConfig")


class Send(Params):
    message: Message
    configuration: Configuration = Field(default_factory=lambda: Configuration.model_validate({}))
    metadata: dict[str, Any] | None = None


def input_of(message: Message, *, native: bool) -> Any:
    """A native agent is given a conversation. A callable is given the text, or the data, when that is all there is.

    Raises `RpcError` for a part that is none.
    """
    for part in message.parts:
        if len(part.kinds) != 1:
            raise RpcError(INVALID_PARAMS, "A part has one of `text`, `raw`, `url` and `data`.")
    texts = [part.text for part in message.parts if part.text is not None]
    if len(texts) == len(message.parts):
        text = "\n\n".join(texts)
        return {"messages": [{"role": "user", "content": text}]} if native else text
    if native:
        return {"messages": [{"role": "user", "content": [_content(part) for part in message.parts]}]}
    if len(message.parts) == 1 and message.parts[0].kinds == ["data"]:
        return message.parts[0].data
    return {"parts": [as_sent(part) for part in message.parts]}


def as_sent(part: Part) -> dict[str, Any]:
    return part.model_dump(by_alias=True, exclude_unset=True)


def kept(message: Message, task_id: str = "", context_id: str = "") -> dict[str, Any]:
    """The message for the task's history; of a file only what it is called."""
    parts = [{**as_sent(part), "raw": ""} if part.raw is not None else as_sent(part) for part in message.parts]
    return {
        "messageId": message.message_id, "role": "ROLE_USER", "parts": parts, "contextId": context_id,
        **({"taskId": task_id} if task_id else {}),
    }  # fmt: skip


def decision_of(message: Message) -> tuple[bool, str | None]:
    """A person's answer, and a comment. Raises `RpcError` when it is neither yes nor no."""
    for part in message.parts:
        data: Any = part.data
        said = cast("dict[str, Any]", data) if isinstance(data, dict) else {}
        if isinstance(approved := said.get("approved"), bool):
            comment = said.get("comment")
            return approved, comment if isinstance(comment, str) else None
    first, _, rest = " ".join(part.text or "" for part in message.parts).strip().partition(" ")
    word = first.lower().rstrip(".,!:")
    if word in _YES or word in _NO:
        return word in _YES, rest.strip() or None
    raise RpcError(INVALID_PARAMS, 'The task waits for yes or no. Begin with one of them, or send {"approved": true}.')


def _content(part: Part) -> dict[str, Any]:
    if part.text is not None:
        return {"type": "text", "text": part.text}
    if part.raw is None and part.url is None:
        return {"type": "text", "text": orjson.dumps(part.data).decode()}
    kind = part.media_type or "application/octet-stream"
    if part.url is not None:
        if kind.startswith("image/"):
            return {"type": "image_url", "image_url": {"url": part.url}}
        return {"type": "text", "text": f"[{part.filename or 'a file'}]({part.url})"}
    data = f"data:{kind};base64,{part.raw}"
    if kind.startswith("image/"):
        return {"type": "image_url", "image_url": {"url": data}}
    return {"type": "file", "file": {"file_data": data, "filename": part.filename or "file"}}
