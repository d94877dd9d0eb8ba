"""What there is under /v1 and who may ask it: by this table requests find their way; the OpenAPI document tells it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from fairlead.access import Role
from fairlead.gateway import Format
from fairlead.gateway.wire import WIRES
from fairlead.web.gateway_models import PATH as MODELS


class Does(Enum):
    ASK = auto()  # a model
    COUNT = auto()
    LIST = auto()


_LIST = Does.LIST  # found through its class it takes ten times as long


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`format`: None where clients of all formats ask."""

    method: str
    path: str
    does: Does
    summary: str
    role: Role = Role.OPERATOR
    format: Format | None = None

    @property
    def counted_as(self) -> str:
        """As metrics name it: models are many, and of no matter there."""
        return MODELS if self.does is _LIST else self.path


_ASKING = {
    Format.CHAT: "Ask a model in the words of OpenAI's chat completions",
    Format.RESPONSES: "Ask a model in the words of OpenAI's responses",
    Format.MESSAGES: "Ask a model in the words of Anthropic's messages",
    Format.EMBEDDINGS: "Make vectors of texts, in the words of OpenAI's embeddings",
}
_COUNTING = "About how many tokens a request has; no provider is asked"
_ONE_MODEL = Endpoint("GET", f"{MODELS}/{{name}}", Does.LIST, "One model", role=Role.VIEWER)

ENDPOINTS = (
    *(Endpoint("POST", f"/v1{WIRES[form].PATH}", Does.ASK, said, format=form) for form, said in _ASKING.items()),
    Endpoint("POST", "/v1/messages/count_tokens", Does.COUNT, _COUNTING, format=Format.MESSAGES),
    Endpoint("GET", MODELS, Does.LIST, "Models that may be asked for with this key", role=Role.VIEWER),
    _ONE_MODEL,
)
_BY_PATH = {one.path: one for one in ENDPOINTS}  # an address takes one method


def endpoint_at(path: str) -> Endpoint | None:
    """A model's name may have slashes: it is the rest of the address."""
    return _BY_PATH.get(path) or (_ONE_MODEL if path.startswith(f"{MODELS}/") else None)
