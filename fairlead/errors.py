"""Everything that can go wrong, drawn once.

    FairleadError                 code · sentence · what to do
    ├── InvalidInput              invalid_input         the caller sent something we cannot take
    │   ├── UnknownAgent          unknown_agent
    │   ├── UnknownSetting        unknown_setting
    │   ├── NotJson               not_json              a value that JSON cannot carry
    │   ├── TooLarge              too_large             the body is above the limit
    │   └── WrongMediaType        wrong_media_type      the body is not sent as JSON
    ├── NotFound                  not_found
    ├── Conflict                  conflict              the thing is not in the state you expected
    ├── MethodNotAllowed          method_not_allowed    the address is there; it takes other methods
    ├── Unauthorised              unauthorised          we do not know who you are
    │   └── Forbidden             forbidden             we know, and the answer is no
    ├── QueueFull                 queue_full            come back after `retry_after`
    ├── RateLimitError            rate_limited          come back after `retry_after`
    ├── ConfigurationError        configuration         a setting is missing or wrong
    ├── SecretUnavailable         secret_unavailable    where a secret is kept could not be asked; try again
    ├── DatabaseUnavailable       database_unavailable  could not ask; try again
    │   ├── DatabaseInUse         database_in_use       another process serves this file
    │   └── SchemaTooNew          schema_too_new        a newer Fairlead has contracted the database
    ├── Damaged                   damaged               what was kept is not what comes back
    ├── BackupFailed              backup_failed         a backup could not be taken or restored; nothing is lost
    ├── IssuerUnavailable         issuer_unavailable    who issues tokens could not be asked; try again
    ├── ModelError                model_error           the model call failed
    │   ├── ModelRefused          model_refused         the provider says the request is wrong
    │   │   └── ModelDenied       model_denied          this provider does not serve us: key, quota, unknown model
    │   ├── ModelTimeout          model_timeout
    │   ├── ModelUnavailable      model_unavailable     may succeed when tried again
    │   │   └── ModelLimited      model_limited         429: the provider is up and limits us
    │   ├── BrokenAnswer          broken_answer         cut, malformed, or too large; still charged
    │   │   └── ErrorWithin       error_within          the provider broke off with an error of its own
    │   ├── CircuitOpenError              circuit_open
    │   ├── AllProvidersUnavailableError  all_providers_unavailable
    │   └── AllProvidersFailedError       all_providers_failed
    ├── EgressError               egress_error          a call to an address that somebody named failed
    │   ├── EgressRefused         egress_refused        this address may not be called
    │   ├── EgressTimeout         egress_timeout
    │   ├── EgressUnreachable     egress_unreachable    no such name, no connection, no valid certificate
    │   └── EgressBroken          egress_broken         the answer is cut, malformed, compressed or too large
    ├── BudgetExceededError       budget                the run may spend no more
    ├── CallsStopped              calls_stopped         somebody has stopped these model calls
    ├── ToolFailed                tool_failed           a tool raised, or its result is no JSON
    │   ├── ToolTimeout           tool_timeout          it may still have had its effect
    │   └── ToolServerDown        tool_server_down      an MCP server can't be started, or has gone away
    ├── TooManyIterations         max_iterations        the agent asked its model too often
    ├── BadOutput                 bad_output            the answer has not the shape that was asked for
    ├── RunFailed                 run_failed            a child run ended badly
    ├── TargetUnavailable         target_unavailable    where releases run could not be asked; try again
    ├── ReleaseBroken             release_broken        a process of a release does not stay up
    ├── Unanswered                unanswered            nobody answered the run in time
    └── Fenced                    fenced                this worker no longer owns the run

Codes become HTTP statuses in `web/api/problems.py` and exit codes in `cli/exits.py`, nowhere else.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta


class FairleadError(Exception):
    """A problem with a code for programs, a sentence for people, and what to do about it."""

    code = "internal"

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".rstrip()


class InvalidInput(FairleadError):
    code = "invalid_input"


class UnknownAgent(InvalidInput):
    code = "unknown_agent"


class UnknownSetting(InvalidInput):
    code = "unknown_setting"


class NotJson(InvalidInput):
    code = "not_json"


class TooLarge(InvalidInput):
    code = "too_large"


class WrongMediaType(InvalidInput):
    code = "wrong_media_type"


class NotFound(FairleadError):
    code = "not_found"


class MethodNotAllowed(FairleadError):
    """`allowed`: the methods this address takes."""

    code = "method_not_allowed"

    def __init__(self, allowed: Sequence[str]) -> None:
        super().__init__("This address does not take this method.", hint=f"It takes {', '.join(allowed)}.")
        self.allowed = tuple(allowed)


class Conflict(FairleadError):
    code = "conflict"


class Unauthorised(FairleadError):
    code = "unauthorised"


class Forbidden(Unauthorised):
    code = "forbidden"


class ComeBackLater(FairleadError):
    """A refusal that ends by itself: `retry_after` says when to try again."""

    def __init__(self, message: str, *, retry_after: timedelta, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after


class QueueFull(ComeBackLater):
    code = "queue_full"


class RateLimitError(ComeBackLater):
    code = "rate_limited"


class ConfigurationError(FairleadError):
    code = "configuration"


class SecretUnavailable(FairleadError):
    code = "secret_unavailable"


class DatabaseUnavailable(FairleadError):
    code = "database_unavailable"


class DatabaseInUse(DatabaseUnavailable):
    code = "database_in_use"


class SchemaTooNew(DatabaseUnavailable):
    code = "schema_too_new"


class Damaged(FairleadError):
    code = "damaged"


class BackupFailed(FairleadError):
    """What was there before is as it was."""

    code = "backup_failed"


class IssuerUnavailable(FairleadError):
    code = "issuer_unavailable"


class ModelError(FairleadError):
    code = "model_error"


class ModelRefused(ModelError):
    code = "model_refused"


class ModelDenied(ModelRefused):
    """Another provider may well answer the same request."""

    code = "model_denied"


class ModelTimeout(ModelError):
    code = "model_timeout"


class ModelUnavailable(ModelError):
    """May succeed when tried again; `retry_after` when the provider said when."""

    code = "model_unavailable"

    def __init__(self, message: str, *, retry_after: timedelta | None = None, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after


class ModelLimited(ModelUnavailable):
    code = "model_limited"


class BrokenAnswer(ModelError):
    code = "broken_answer"


class ErrorWithin(BrokenAnswer):
    code = "error_within"


class CircuitOpenError(ModelError):
    code = "circuit_open"


class AllProvidersUnavailableError(ModelError):
    code = "all_providers_unavailable"


class AllProvidersFailedError(ModelError):
    code = "all_providers_failed"


class EgressError(FairleadError):
    """A call to an address that somebody named: a webhook, a key set, a tool server."""

    code = "egress_error"


class EgressRefused(EgressError):
    code = "egress_refused"


class EgressTimeout(EgressError):
    code = "egress_timeout"


class EgressUnreachable(EgressError):
    code = "egress_unreachable"


class EgressBroken(EgressError):
    code = "egress_broken"


class BudgetExceededError(FairleadError):
    code = "budget"


class CallsStopped(FairleadError):
    code = "calls_stopped"


class ToolFailed(FairleadError):
    code = "tool_failed"


class ToolTimeout(ToolFailed):
    code = "tool_timeout"


class ToolServerDown(ToolFailed):
    code = "tool_server_down"


class TooManyIterations(FairleadError):
    code = "max_iterations"


class BadOutput(FairleadError):
    code = "bad_output"


class RunFailed(FairleadError):
    code = "run_failed"


class Unanswered(FairleadError):
    code = "unanswered"


class Fenced(FairleadError):
    code = "fenced"


class TargetUnavailable(FairleadError):
    code = "target_unavailable"


class ReleaseBroken(FairleadError):
    code = "release_broken"
