"""How much a model should think: `reasoning_effort` of chat completions, `thinking` and `effort` of Anthropic.

Claude up to the 4.5 family takes a budget in tokens and refuses an effort; later models take an effort and let
themselves decide. Both count thinking into the limit on the answer, so a budget is a share of that limit.
"""

from __future__ import annotations

import re

from fairlead.errors import InvalidInput
from fairlead.gateway.usage import OUTPUT_CAP
from fairlead.gateway.wire import checked
from fairlead.gateway.wire.crossing.losses import Losses
from fairlead.gateway.wire.wire import Json

_BUDGETED = re.compile(r"claude-(?:[23]|(?:opus|sonnet|haiku)-4(?:[-.@][0-5](?!\d)|[-@]20\d\d|$))")
_LEAST_BUDGET = 1024
_SHARES = {"minimal": 0.0, "low": 0.25, "medium": 0.5, "high": 0.75, "xhigh": 0.85, "max": 0.9}
_EFFORTS = {"minimal": "low", **{name: name for name in ("low", "medium", "high", "xhigh", "max")}}


def to_messages(body: Json, cap: int | None, losses: Losses) -> tuple[Json, Json]:
    """What `reasoning_effort` is at the top level of an Anthropic request, and within its `output_config`."""
    effort = body.get("reasoning_effort")
    if effort is None:
        return {}, {}
    if effort == "none":
        return {"thinking": {"type": "disabled"}}, {}
    if checked.word(effort) not in _SHARES:
        raise InvalidInput("`reasoning_effort` is none of none, minimal, low, medium, high, xhigh, max.")
    if not _BUDGETED.search(checked.word(body.get("model"))):
        return {"thinking": {"type": "adaptive"}}, {"effort": _EFFORTS[effort]}
    limit = OUTPUT_CAP if cap is None else cap
    if limit <= _LEAST_BUDGET:
        losses.lose("reasoning_effort", "Thinking takes 1024 tokens at least: allow the answer several thousand.")
        return {}, {}
    budget = max(int(limit * _SHARES[effort]), _LEAST_BUDGET)
    return {"thinking": {"type": "enabled", "budget_tokens": budget}}, {}


def to_chat(body: Json, losses: Losses) -> Json:
    """`reasoning_effort` for a chat request; none where Claude would decide or not think, as models without it do."""
    config = checked.an_object(body.get("output_config") or {}, "`output_config`", InvalidInput)
    thinking = checked.an_object(body.get("thinking") or {}, "`thinking`", InvalidInput)
    losses.rest(thinking, "thinking", carried={"type", "budget_tokens"}, left={"display"})
    if thinking.get("type") == "disabled":
        return {}
    if config.get("effort") is not None:
        return {"reasoning_effort": config["effort"]}
    if thinking.get("type") != "enabled":
        return {}
    budget = checked.a_limit(thinking, "budget_tokens") or 0
    share = budget / max(checked.a_limit(body, "max_tokens") or OUTPUT_CAP, 1)
    return {"reasoning_effort": "low" if share < 0.375 else "medium" if share < 0.625 else "high"}
