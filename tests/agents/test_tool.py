from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field

from fairlead.agents import Agent, Context, ToolContext, tool
from fairlead.errors import ConfigurationError, InvalidInput


@dataclass
class Place:
    city: str
    zip: int | None = None


def test_the_schema_comes_from_hints_and_docstring() -> None:
    @tool(safe_to_repeat=True)
    def search(
        pattern: str,
        where: Place,
        limit: Annotated[int, Field(ge=1)] = 20,
        kind: Literal["a", "b"] = "a",
        *,
        ctx: ToolContext,
    ) -> str:
        """Find things.

        Slowly.

        Args:
            pattern: what to find,
                in plain text
            limit (int): how many
        """
        return pattern

    assert search.name == "search"
    assert search.description == "Find things.\n\nSlowly."
    schema = search.spec["function"]["parameters"]
    assert schema["required"] == ["pattern", "where"]
    assert schema["additionalProperties"] is False
    assert schema["properties"]["pattern"] == {"type": "string", "description": "what to find, in plain text"}
    assert schema["properties"]["limit"] == {"type": "integer", "minimum": 1, "default": 20, "description": "how many"}
    assert schema["properties"]["kind"] == {"type": "string", "enum": ["a", "b"], "default": "a"}
    assert "ctx" not in schema["properties"]


def test_sphinx_docstrings_are_read_too() -> None:
    @tool
    def f(a: int) -> int:
        """Do it.

        :param a: the number
        """
        return a

    assert f.description == "Do it."
    assert f.spec["function"]["parameters"]["properties"]["a"]["description"] == "the number"


def test_a_tool_is_unsafe_to_repeat_and_bounded_unless_told_otherwise() -> None:
    bare = tool(lambda_like)
    assert (bare.safe_to_repeat, bare.check, bare.timeout) == (False, None, timedelta(seconds=60))
    made = tool(safe_to_repeat=True, timeout=timedelta(hours=1), name="other", description="Else.")(lambda_like)
    assert (made.name, made.description, made.safe_to_repeat) == ("other", "Else.", True)
    assert made.timeout == timedelta(hours=1)


def lambda_like(a: int = 1) -> int:
    return a


def test_a_tool_can_still_be_called() -> None:
    assert tool(lambda_like)(3) == 3


def test_arguments_become_what_the_function_wants() -> None:
    @tool
    def f(place: Place, days: tuple[int, ...], json: str = "", copy: bool = False) -> None: ...

    values = f.validate({"place": {"city": "Bern"}, "days": [1, "2"], "copy": True})
    assert values == {"place": Place("Bern"), "days": (1, 2), "copy": True}
    with pytest.raises(InvalidInput, match=r"`place.city`: Field required; `days`: Field required"):
        f.validate({"place": {}})


def test_methods_are_tools_when_bound() -> None:
    class Desk:
        def pay(self, cents: int) -> int:
            """Pay."""
            return cents

    assert tool(Desk().pay).spec["function"]["parameters"]["required"] == ["cents"]
    with pytest.raises(ConfigurationError, match="method without its object"):
        tool(Desk.pay)


def generator() -> Any:
    yield 1


def takes_any(*args: int) -> None: ...
def takes_context(ctx: Context) -> None: ...
def takes_callback(done: Callable[[], None]) -> None: ...


class Odd:
    pass


def takes_odd(odd: Odd) -> None: ...


@pytest.mark.parametrize(
    ("fn", "given", "words"),
    [
        (generator, {}, "is a generator"),
        (takes_any, {}, "which a model cannot fill"),
        (takes_context, {}, "asks for the run's Context"),
        (takes_odd, {}, "whose type JSON cannot fill"),
        (lambda_like, {"name": "no spaces"}, "is no name for a tool"),
        (lambda_like, {"timeout": timedelta(0)}, "has a timeout of"),
        (lambda_like, {"check": lambda b: None}, "wants `b`, which the tool does not take"),
        (lambda: 1, {}, "`<lambda>` is no name"),
        (7, {}, "wants a function"),
    ],
)
def test_what_cannot_be_a_tool_is_refused(fn: Any, given: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        tool(**given)(fn)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"name": ""}, "is no name for an agent"),
        ({"name": "a b"}, "is no name for an agent"),
        ({"model": "gpt-5/"}, 'Write "provider/model"'),
        ({"instructions": None}, "instructions that are no text"),
        ({"max_iterations": 0}, "max_iterations=0"),
        ({"max_iterations": True}, "max_iterations=True"),
        ({"timeout": 30}, "timeout=30"),
        ({"model_timeout": timedelta(0)}, "model_timeout="),
        ({"budget_usd": -1}, "budget_usd=-1"),
        ({"budget_usd": float("nan")}, "budget_usd=nan"),
        ({"temperature": 3}, "temperature=3"),
        ({"max_tokens": 0}, "max_tokens=0"),
        ({"memory": 50}, "memory=50"),
        ({"tools": [lambda_like, lambda_like]}, "two tools named `lambda_like`"),
        ({"output_schema": {"type": "strin"}}, "$.type is 'strin'"),
        ({"output_schema": {"if": {}}}, "$ uses `if`"),
        ({"output_schema": 5}, "output schema of agent `a` is 5"),
    ],
)
def test_an_agent_that_makes_no_sense_is_refused(given: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Agent(**{"name": "a", "model": "simulated/x"} | given)
    assert words in str(caught.value)


def test_an_agents_defaults_are_those_of_the_manual() -> None:
    one = Agent("a", "simulated/x", tools=[lambda_like])
    assert (one.max_iterations, one.timeout, one.model_timeout) == (15, timedelta(minutes=3), timedelta(minutes=2))
    assert (one.memory.messages, one.memory.tokens, one.budget_nano) == (50, 4000, 5_000_000_000)
    assert one.tools[0].name == "lambda_like"
    assert not one.tools[0].safe_to_repeat
