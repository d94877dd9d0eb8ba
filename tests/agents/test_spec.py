from __future__ import annotations

import asyncio
import functools
import threading
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar

import pytest
from pydantic import BaseModel

from fairlead.agents import Agent, Context, spec_of, tool
from fairlead.agents.spec import Limits
from fairlead.errors import ConfigurationError, InvalidInput
from tests.agents.scripted import ScriptedModel, calls, says, use


class Thread:
    """The memory of a thread with nothing before."""

    async def messages(self) -> list[Any]:
        return [{"role": "user", "content": "before"}]

    async def get(self, key: str, default: Any = None) -> Any:
        return default


class Child:
    run_id = "child"

    async def result(self) -> Any:
        return "from the child"


class Run:
    """Enough of a context for a callable."""

    run_id = "run-1"
    memory = Thread()
    config: ClassVar[dict[str, Any]] = {}
    on_loop = ""

    def __init__(self, model: ScriptedModel | None = None) -> None:
        self.model = model
        self.use_tool = use
        self.logged: list[str] = []
        self.waiting = asyncio.Event()

    async def step(self, name: str, fn: Any, *args: Any) -> Any:
        self.on_loop = threading.current_thread().name
        return fn(*args)

    async def spawn(self, agent: str, input: Any) -> Child:
        return Child()

    async def edge(self, done: str | None, coming: str) -> None:
        """Nobody asked to look at the run on its way."""

    async def sleep(self, duration: timedelta) -> None:
        self.waiting.set()
        await asyncio.Event().wait()

    def log(self, event: str, /, **fields: Any) -> None:
        self.logged.append(f"{event} on {threading.current_thread().name}")


async def call(target: Any, input: Any = 1, ctx: Any = None) -> Any:
    return await spec_of("it", target).call(input, ctx or Run())


async def async_both(input: Any, ctx: Any) -> Any:
    return [input, ctx.run_id]


async def async_one(input: Any) -> Any:
    return input


def sync_both(input: Any, ctx: Any) -> Any:
    return [input, ctx.run_id]


def sync_one(input: Any) -> Any:
    return input


def three(input: Any, ctx: Any, more: Any) -> Any:
    return [input, ctx.run_id, more]


class Desk:
    async def handle(self, input: Any, ctx: Any) -> Any:
        return [input, ctx.run_id]

    def __call__(self, input: Any) -> Any:
        return input


class AsyncDesk:
    async def __call__(self, input: Any, ctx: Any) -> Any:
        return [input, ctx.run_id]


@pytest.mark.parametrize(
    "target",
    [
        async_both,
        sync_both,
        Desk().handle,
        AsyncDesk(),
        functools.partial(async_both),
        lambda input, ctx: async_both(input, ctx),
        lambda data, *, ctx: [data, ctx.run_id],
        lambda data, verbose=False, context=None: [data, context.run_id],
    ],
)
async def test_callables_of_input_and_context(target: Any) -> None:
    assert await call(target) == [1, "run-1"]


@pytest.mark.parametrize(
    "target", [async_one, sync_one, Desk(), lambda x: x, lambda x, verbose=False: x, lambda *all: all[0]]
)
async def test_callables_of_input(target: Any) -> None:
    assert await call(target) == 1


async def test_a_partial_binds_what_is_left() -> None:
    assert await call(functools.partial(three, more=3)) == [1, "run-1", 3]
    assert await call(abs, -4) == 4


async def generates(input: Any) -> Any:
    yield input


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (three, "more than an input and a context"),
        (lambda: 1, "takes no input"),
        (generates, "is a generator"),
        (Desk, "is the class Desk"),
        (5, "is 5, which cannot be called"),
        (None, "cannot be called"),
    ],
)
def test_what_cannot_be_run_is_refused(target: Any, words: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        spec_of("it", target)
    assert words in str(caught.value)


def test_names_and_limits_are_checked() -> None:
    with pytest.raises(ConfigurationError, match="is no name"):
        spec_of("a b", sync_one)
    with pytest.raises(ConfigurationError, match="timeout="):
        spec_of("a", sync_one, Limits(timeout=timedelta(0)))
    with pytest.raises(ConfigurationError, match="limits in two places"):
        spec_of("a", Agent("a", "simulated/x"), Limits())


async def test_a_sync_callable_uses_its_context_from_its_thread() -> None:
    run = Run()

    def work(input: Any, ctx: Any) -> Any:
        ctx.log("begun")
        child = ctx.spawn("other", 1)
        return [ctx.step("double", lambda x: x * 2, input), child.run_id, child.result(), ctx.memory.get("k", 7)]

    assert await call(work, 4, run) == [8, "child", "from the child", 7]
    main = threading.main_thread().name
    assert run.on_loop == main
    assert run.logged == [f"begun on {main}"]


async def test_errors_of_the_context_reach_a_sync_callable() -> None:
    def work(input: Any, ctx: Any) -> Any:
        try:
            ctx.step("fail", lambda: 1 / 0)
        except ZeroDivisionError:
            return "caught"

    assert await call(work) == "caught"


async def test_a_cancelled_run_stops_a_sync_callable_at_its_next_wish() -> None:
    run, ended = Run(), threading.Event()
    seen: list[str] = []

    def work(input: Any, ctx: Any) -> None:
        try:
            ctx.sleep(timedelta(days=1))
        except Exception:
            seen.append("swallowed")
        except asyncio.CancelledError:
            seen.append("stopped")
        try:
            ctx.step("after", lambda: seen.append("went on"))
        except asyncio.CancelledError:
            seen.append("refused")
        finally:
            ended.set()

    task = asyncio.create_task(call(work, 1, run))
    await run.waiting.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(ended.wait, 5)
    assert seen == ["stopped", "refused"]


class Parked(BaseException):
    pass


async def test_what_stops_the_run_passes_through_a_sync_callable() -> None:
    def work(input: Any, ctx: Any) -> None:
        def park() -> None:
            raise Parked

        try:
            ctx.step("wait", park)
        except Exception:
            return

    with pytest.raises(Parked):
        await call(work)


class Order(BaseModel):
    id: str
    cents: int = 0


@dataclass
class Item:
    name: str


async def test_a_hint_on_the_input_is_its_schema_and_its_type() -> None:
    async def pay(order: Order, ctx: Context) -> Any:
        """Pay an order.

        More.
        """
        return order.cents

    spec = spec_of("pay", pay)
    assert spec.description == "Pay an order."
    assert spec.input_schema is not None
    assert spec.input_schema["required"] == ["id"]
    assert await spec.call({"id": "a", "cents": 3}, Run()) == 3  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match=r"does not fit the agent `pay`: `id`: Field required"):
        await spec.call({}, Run())  # type: ignore[arg-type]


async def test_dataclasses_are_inputs_and_unknown_types_take_what_comes() -> None:
    def named(item: Item) -> str:
        return item.name

    def odd(item: threading.Event) -> Any:
        return item

    assert await call(named, {"name": "x"}) == "x"
    assert await call(odd, {"name": "x"}) == {"name": "x"}
    assert spec_of("odd", odd).input_schema is None


async def test_a_native_agent_can_be_called_like_any_other() -> None:
    @tool
    def double(a: int) -> int:
        return a * 2

    agent = Agent(
        "it", "simulated/x", tools=[double], description="Doubles.", timeout=timedelta(seconds=9), budget_usd=0.5
    )
    spec = spec_of("it", agent)
    assert (spec.native, spec.timeout, spec.budget_nano) == (agent, timedelta(seconds=9), 500_000_000)
    assert spec.description == "Doubles."
    model = ScriptedModel(calls(("double", {"a": 2})), says("4"))
    assert await spec.call("2*2", Run(model)) == "4"  # type: ignore[arg-type]
    assert [m["content"] for m in model.asked[0]["messages"]] == ["before", "2*2"]
