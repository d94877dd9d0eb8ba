from __future__ import annotations

from datetime import timedelta

from fairlead.gateway.circuit import Circuit, CircuitPolicy, State


def failing(circuit: Circuit, times: int, *, at: float = 0) -> None:
    for _ in range(times):
        circuit.failed(at)


def test_five_errors_in_a_row_take_a_provider_out_for_five_minutes() -> None:
    circuit = Circuit()
    failing(circuit, 4)
    assert circuit.admits(0)
    circuit.failed(0)
    assert circuit.state is State.OPEN and "5 errors in a row" in circuit.reason
    assert not circuit.admits(299.9) and circuit.opens_in(100) == 200
    assert circuit.admits(300)


def test_an_answer_between_errors_begins_the_row_anew() -> None:
    circuit = Circuit()
    for _ in range(4):
        failing(circuit, 1)
        circuit.answered(0)
    assert circuit.state is State.CLOSED


def test_more_than_half_of_enough_calls_failing_opens_it_for_thirty_seconds() -> None:
    circuit = Circuit(CircuitPolicy(consecutive=1000))
    for _ in range(4):
        circuit.answered(0)
    failing(circuit, 5)
    assert circuit.state is State.CLOSED, "nine calls are too few to judge by"
    circuit.failed(0)
    assert circuit.state is State.OPEN and circuit.opens_in(0) == 30


def test_half_of_the_calls_failing_is_not_more_than_half() -> None:
    circuit = Circuit(CircuitPolicy(consecutive=1000))
    for _ in range(20):
        circuit.answered(0)
        circuit.failed(0)
    assert circuit.state is State.CLOSED


def test_calls_older_than_the_window_do_not_count() -> None:
    circuit = Circuit(CircuitPolicy(consecutive=1000, window=timedelta(seconds=60)))
    failing(circuit, 9, at=0)
    failing(circuit, 9, at=100)
    assert circuit.state is State.CLOSED


def test_one_probe_goes_in_each_open_period() -> None:
    circuit = Circuit()
    failing(circuit, 5)
    assert [circuit.admits(300) for _ in range(3)] == [True, False, False]
    circuit.failed(301)
    assert circuit.state is State.OPEN and not circuit.admits(600.9)
    assert [circuit.admits(601) for _ in range(2)] == [True, False]


def test_a_probe_that_is_answered_closes_it() -> None:
    circuit = Circuit()
    failing(circuit, 5)
    assert circuit.admits(300)
    circuit.answered(301)
    assert circuit.state is State.CLOSED and circuit.admits(301) and circuit.admits(301)


def test_a_probe_that_comes_to_nothing_lets_another_go() -> None:
    circuit = Circuit()
    failing(circuit, 5)
    assert circuit.admits(300) and not circuit.admits(300)
    circuit.undecided()
    assert circuit.admits(300)


def test_answers_to_calls_sent_before_it_opened_do_not_close_it() -> None:
    circuit = Circuit()
    failing(circuit, 5)
    circuit.answered(1)
    assert circuit.state is State.OPEN and not circuit.admits(2)
