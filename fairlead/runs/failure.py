"""Errors that were recorded, raised again: what failed before fails again in the same way."""

from __future__ import annotations

import builtins

from fairlead import errors
from fairlead.errors import FairleadError, RunFailed

_OURS: dict[str, type[FairleadError]] = {
    kind.code: kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, FairleadError)
}


class RecordedFailure(FairleadError):
    """An exception of the author's own, recorded by its class name (`code`) and text."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def recalled(code: str, message: str) -> Exception:
    """Ours and Python's own come back as what they were; others as `RecordedFailure`."""
    if code in _OURS:
        error = _OURS[code].__new__(_OURS[code])
        FairleadError.__init__(error, message)
        return error
    kind = getattr(builtins, code, None)
    if isinstance(kind, type) and issubclass(kind, Exception) and kind not in (UnicodeDecodeError, UnicodeEncodeError):
        try:
            return kind(message)
        except TypeError:  # wants other arguments
            return RecordedFailure(code, message)
    return RecordedFailure(code, message)


def child_failed(run_id: str, agent: str, error: dict[str, str] | None) -> RunFailed:
    said = (error or {}).get("message", "It ended without a result.")
    return RunFailed(f"The child run {run_id} of `{agent}` failed: {said}", hint="See its own page for the steps.")
