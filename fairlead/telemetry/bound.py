"""Ids that every line of a task carries. They are kept as structlog keeps its own, which need not be loaded for that:
an agent that uses it has them too, and we have what the agent binds.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import Context, ContextVar, copy_context
from typing import Any

_PREFIX = "structlog_"
_AFTER_PREFIX = len(_PREFIX)
_vars: dict[str, ContextVar[Any]] = {}  # made when first bound, and never again: a variable is never freed


def bind(**ids: Any) -> None:
    """`bind(request_id=…)` — every line of this task from now on carries it."""
    for name, value in ids.items():
        variable(name).set(value)


@contextmanager
def bound(**ids: Any) -> Generator[None]:
    """`with bound(request_id=…, run_id=…):` — every line inside carries them, through awaits and tasks."""
    before = {name: variable(name).get() for name in ids}
    bind(**ids)
    try:
        yield
    finally:
        bind(**before)  # not by tokens: a generator may be closed in another context than it was opened in


def ids_of_task() -> dict[str, Any]:
    """What is bound here: by us, or by an agent through structlog."""
    return ids_in(copy_context())


def ids_in(context: Context) -> dict[str, Any]:
    """What is bound there."""
    ids: dict[str, Any] = {}
    for name, var in tuple(_vars.items()):  # another thread may bind a new one
        if (value := context.get(var, Ellipsis)) is not Ellipsis:
            ids[name[_AFTER_PREFIX:]] = value
    return ids


def shared_with(theirs: Mapping[str, ContextVar[Any]]) -> dict[str, ContextVar[Any]]:
    """One table of variables for structlog and us: what one binds, the other can bind anew and take away."""
    for name, var in theirs.items():
        _vars.setdefault(name, var)
    return _vars


def variable(name: str) -> ContextVar[Any]:
    """Where an id of this name is kept: who binds it thousands of times a second sets it there."""
    name = _PREFIX + name
    found = _vars.get(name)
    if found is None:
        found = _vars[name] = ContextVar(name, default=Ellipsis)  # structlog's word for "not bound"
    return found
