"""One model call, made safe and counted.

Main path: `build` a stack of wrappers of one shape (`stack.py`); `complete` passes a request down it and a reply up:
recorded → cache → budgets → route → fallback over [retry → breaker → limit → format → hold, settle → provider].

May import: access, telemetry and below; knows neither agents nor runs.
"""

from fairlead.gateway.budget import Budget, Hold, Unlimited
from fairlead.gateway.circuit import CircuitPolicy
from fairlead.gateway.embedding import Embedder
from fairlead.gateway.faults import Fault, Faults, parse_faults
from fairlead.gateway.models import Model, parse_models
from fairlead.gateway.policy import Policy, Reply, ToolCall, default_policy, load_policy
from fairlead.gateway.prices import Price, Prices, parse_prices
from fairlead.gateway.provider import Complete, Provider
from fairlead.gateway.recorder import Recorder
from fairlead.gateway.retry import RetryPolicy
from fairlead.gateway.run_budget import RunBudget
from fairlead.gateway.sink import Sink
from fairlead.gateway.stack import Gateway, GatewayPolicy, Shared, build
from fairlead.gateway.types import Attempt, Caller, Choices, Format, ModelReply, ModelRequest, split_model
from fairlead.gateway.usage import Usage

__all__ = [
    "Attempt",
    "Budget",
    "Caller",
    "Choices",
    "CircuitPolicy",
    "Complete",
    "Embedder",
    "Fault",
    "Faults",
    "Format",
    "Gateway",
    "GatewayPolicy",
    "Hold",
    "Model",
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
    "Shared",
    "Sink",
    "ToolCall",
    "Unlimited",
    "Usage",
    "build",
    "default_policy",
    "load_policy",
    "parse_faults",
    "parse_models",
    "parse_prices",
    "split_model",
]
