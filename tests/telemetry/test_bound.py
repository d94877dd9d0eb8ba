from __future__ import annotations

import asyncio
from contextvars import copy_context

import pytest
from structlog.contextvars import bound_contextvars, get_contextvars

from fairlead.telemetry.bound import bind, bound, ids_of_task
from fairlead.telemetry.structlog_door import hand_over_structlog


def test_what_is_bound_is_bound_inside_only() -> None:
    def inside() -> None:
        bind(request_id="q")
        with bound(request_id="inner", run_id="r"):
            assert ids_of_task() == {"request_id": "inner", "run_id": "r"}
        assert ids_of_task() == {"request_id": "q"}

    copy_context().run(inside)
    assert ids_of_task() == {}


async def test_tasks_carry_what_was_bound_where_they_began() -> None:
    async def told() -> dict[str, str]:
        await asyncio.sleep(0)
        return ids_of_task()

    with bound(run_id="r"):
        task = asyncio.create_task(told())
    assert (await task, await told()) == ({"run_id": "r"}, {})


@pytest.mark.usefixtures("logging_as_it_was")
def test_an_agent_binds_the_same_names() -> None:
    hand_over_structlog(lambda method, fields: None, 0)
    with bound(run_id="ours"):
        with bound_contextvars(run_id="theirs", order="o7"):
            assert ids_of_task() == {"run_id": "theirs", "order": "o7"}
            with bound(order="ours"):
                assert get_contextvars() == {"run_id": "theirs", "order": "ours"}
        assert ids_of_task() == get_contextvars() == {"run_id": "ours"}
    assert ids_of_task() == {}
