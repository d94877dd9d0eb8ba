"""What a caller says to a thread beside an input: answer its question, write into it, go somewhere, pause there."""

from __future__ import annotations

from typing import Any, Literal, cast

from pydantic import ConfigDict, Field

from fairlead.agents.spec import AgentSpec
from fairlead.errors import InvalidInput
from fairlead.runs.execute import END
from fairlead.web.api.shape import Shape

Nodes = Literal["*"] | list[str] | None
_NATIVE = ("model", "tools")


class Command(Shape):
    model_config = ConfigDict(strict=True, extra="forbid", hide_input_in_errors=True)

    resume: Any = Field(None, description="Answers the thread's open question, or each by its id.")
    update: dict[str, Any] | list[Any] | None = Field(None, description="Written into the thread's state beforehand.")
    goto: str | dict[str, Any] | list[str | dict[str, Any]] | None = Field(None, description="A node, or `__end__`.")

    @property
    def resumes(self) -> bool:
        return "resume" in self.model_fields_set and self.resume is not None

    @property
    def asks(self) -> bool:
        return self.resumes or self.update is not None or bool(self.goto)


def nodes_of(spec: AgentSpec) -> tuple[str, ...]:
    """The parts of an agent that have names: of a native one its model and its tools, else the agent itself."""
    return _NATIVE if spec.native is not None else (spec.name,)


def check_nodes(spec: AgentSpec, where: str, given: Nodes) -> None:
    """Raises `InvalidInput`."""
    known = nodes_of(spec)
    unknown = [name for name in given or () if given != "*" and name not in known]
    if unknown:
        listed = ", ".join(f"`{name}`" for name in known)
        raise InvalidInput(f"`{where}`: `{spec.name}` has no node `{unknown[0]}`.", hint=f"It has {listed}.")


def destination(spec: AgentSpec, command: Command) -> tuple[str | None, Any]:
    """Where the run is to begin, and with which input, if that was said. Raises `InvalidInput`."""
    listed = command.goto if isinstance(command.goto, list) else [command.goto]
    wanted = [one for one in listed if one]
    if not wanted:
        return None, None
    if len(wanted) > 1:
        raise InvalidInput("`command.goto`: one node at a time.")
    sent = wanted[0] if isinstance(wanted[0], dict) else {"node": wanted[0]}
    node: Any = sent.get("node")
    if not isinstance(node, str) or set(sent) - {"node", "input"}:
        raise InvalidInput("`command.goto` is a node, or {node, input}.")
    if node != END:
        check_nodes(spec, "command.goto", [node])
    return node, cast("Any", sent.get("input"))
