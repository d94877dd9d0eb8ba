"""One model call, made safe and counted.

Main path: `build` a stack of wrappers of one shape (`stack.py`); `complete` passes a request down it and a reply up:
recorded → budget held → route → retry → provider → budget settled.

May import: access, telemetry and below; knows neither agents nor runs.
"""

from fairlead.gateway.budgets import Budget, Hold, RunBudget, Unlimited
from fairlead.gateway.faults import Fault, Faults, parse_faults
from fairlead.gateway.policy import Policy, Reply, ToolCall, default_policy, load_policy
from fairlead.gateway.prices import Price, Prices, parse_prices
from fairlead.gateway.provider import Complete, Provider
from fairlead.gateway.recorder import Recorder
from fairlead.gateway.retry import RetryPolicy
from fairlead.gateway.stack import Gateway, build
from fairlead.gateway.types import Attempt, Meter, ModelReply, ModelRequest, Usage, split_model

__all__ = [
    "Attempt",
    "Budget",
    "Complete",
    "Fault",
    "Faults",
    "Gateway",
    "Hold",
    "Meter",
    "ModelReply",
    "ModelRequest",
    "Policy",
    "Price",
    "Prices",
    "Provider",
    "Recorder",
    "Reply",
    "RetryPolicy",
    "RunBudget",
    "ToolCall",
    "Unlimited",
    "Usage",
    "build",
    "default_policy",
    "load_policy",
    "parse_faults",
    "parse_prices",
    "split_model",
]
