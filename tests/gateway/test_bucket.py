from __future__ import annotations

import random
from itertools import pairwise

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.gateway.bucket import LEASE, exchange, part, turn_of
from fairlead.gateway.rate import NONE, SECOND, Answer, Ask, Left, Limited, Pair, Rate

START = 1_900_000_000 * SECOND
MINUTE = 60 * SECOND


class Bucket:
    """A bucket with a clock, and processes that use at once what they get."""

    def __init__(self, requests: int | None = 60, tokens: int | None = None) -> None:
        self.rate = Rate(requests, tokens)
        self.text = ""
        self.now = START
        self.turn = 0

    def move(self, seconds: float) -> None:
        self.now += round(seconds * SECOND)

    def ask(self, process: str = "a", **more: object) -> Answer:
        self.turn += 1
        self.text, answer = exchange(self.text, Ask(process, self.turn, **more), self.rate, self.now)  # type: ignore[arg-type]
        return answer

    def use(self, requests: int = 1, tokens: int = 0, process: str = "a") -> bool:
        """One call at once, told in the next breath."""
        answer = self.ask(process, need=(requests, tokens))
        if answer.granted != (requests, tokens):
            return False
        self.ask(process, used={self.now // SECOND: (requests, tokens)})
        return True


def most_in_a_minute(uses: list[tuple[int, int]]) -> int:
    """The most that any 60 seconds saw, of (when, how much) in order."""
    most = total = first = 0
    for when, amount in uses:
        total += amount
        while uses[first][0] <= when - MINUTE:
            total -= uses[first][1]
            first += 1
        most = max(most, total)
    return most


def test_a_steady_caller_gets_nearly_the_limit_and_never_more() -> None:
    bucket, uses = Bucket(60), []
    for _ in range(8 * 60 * 5):
        if bucket.use():
            uses.append((bucket.now, 1))
        bucket.move(0.2)
    assert most_in_a_minute(uses) <= 60
    assert len(uses) >= 8 * 60 * 0.95


def test_calls_are_spread_and_not_sent_in_a_burst() -> None:
    bucket, at = Bucket(60), []
    while len(at) < 20:
        if bucket.use():
            at.append((bucket.now - START) / SECOND)
        bucket.move(0.05)
    assert sum(moment < 1 for moment in at) <= 4
    assert all(later - earlier >= 0.95 for earlier, later in pairwise(at[4:]))


def test_a_limit_of_one_lets_one_go_each_minute() -> None:
    bucket, at = Bucket(1), []
    for _ in range(400):
        if bucket.use():
            at.append((bucket.now - START) // SECOND)
        bucket.move(1)
    assert len(at) >= 6
    assert all(60 <= later - earlier <= 63 for earlier, later in pairwise(at))


def test_no_limit_lets_everything_go() -> None:
    bucket = Bucket(None, None)
    assert all(bucket.use(1000, 10**6) for _ in range(100))


def test_one_large_call_goes_at_once_and_the_rest_wait_until_it_is_paid_for() -> None:
    bucket = Bucket(None, 6100)  # 100 a second
    assert bucket.use(0, 3000)
    answer = bucket.ask(need=(0, 100))
    assert answer.granted == NONE
    assert 26 <= answer.ready_in / SECOND <= 30
    bucket.move(answer.ready_in / SECOND)
    assert bucket.use(0, 100)


def test_what_is_leased_counts_until_it_is_given_back() -> None:
    bucket = Bucket(10)
    assert bucket.ask("a", need=(3, 0)).granted[0] == 3
    for _ in range(9):  # nothing of it is used for 90 s
        bucket.move(10)
        assert bucket.ask("a", held=(3, 0)).granted == NONE
    assert bucket.ask("b", need=(8, 0)).granted == NONE
    bucket.ask("a", leaving=True)
    assert bucket.ask("b", need=(8, 0)).granted[0] == 8


def test_what_a_dead_process_held_counts_as_used_to_the_last_moment() -> None:
    bucket = Bucket(10)
    assert bucket.ask("dead", need=(4, 0)).granted[0] == 4
    bucket.move(LEASE / SECOND + 50)
    assert bucket.ask("b", need=(7, 0)).granted[0] == 0
    bucket.move(12)
    assert bucket.ask("b", need=(7, 0)).granted[0] == 7


def test_what_is_given_back_can_be_had_at_once() -> None:
    bucket = Bucket(60)
    assert bucket.ask("a", need=(3, 0)).granted[0] == 3
    assert bucket.ask("b", need=(2, 0), since=START).granted == NONE
    bucket.ask("a", leaving=True)
    assert bucket.ask("b", need=(2, 0), since=START).granted == (2, 0)


def test_a_lease_that_expired_is_told_as_lost_and_its_use_is_not_counted_twice() -> None:
    bucket = Bucket(10)
    bucket.ask("a", need=(4, 0))
    bucket.move(LEASE / SECOND + 1)
    bucket.ask("b")
    answer = bucket.ask("a", held=(2, 0), used={START // SECOND: (2, 0)})
    assert answer.lost
    assert counted(bucket) == 4


def counted(bucket: Bucket, dimension: int = 0) -> int:
    return sum(slot[dimension] for slot in orjson.loads(bucket.text)["slots"].values())


def test_estimates_are_settled_in_the_second_in_which_they_were_used() -> None:
    bucket = Bucket(None, 10_000)
    assert bucket.use(0, 4000)
    slot = bucket.now // SECOND
    bucket.move(5)
    bucket.ask(corrected={slot: (0, -3000)})
    assert counted(bucket, 1) == 1000
    bucket.move(70)
    bucket.ask(corrected={slot: (0, -500)})  # long over: nothing left to give back
    assert counted(bucket, 1) == 0
    bucket.ask(corrected={slot: (0, 500)})  # but what was too little counts now
    assert counted(bucket, 1) == 500


def test_who_has_waited_longer_goes_first() -> None:
    bucket = Bucket(60)
    bucket.use(3)
    old = bucket.ask("old", need=(1, 0), since=bucket.now - 2)
    young = bucket.ask("young", need=(1, 0), since=bucket.now - 1)
    assert (old.granted, young.granted) == (NONE, NONE)
    assert 1.9 <= young.ready_in / old.ready_in <= 2.1
    bucket.move(old.ready_in / SECOND)
    assert bucket.ask("young", need=(1, 0), since=START - 1).granted == NONE
    assert bucket.ask("old", need=(1, 0), since=START - 2).granted == (1, 0)


def test_a_process_that_died_waiting_holds_nobody_up() -> None:
    bucket = Bucket(60)
    bucket.use(3)
    bucket.ask("dead", need=(1, 0), since=START - 2)
    bucket.move(3.1)
    assert bucket.ask("b", need=(3, 0), since=START - 1).granted == (3, 0)


def test_nothing_is_held_ahead_while_others_wait_nor_more_than_a_tenth() -> None:
    bucket = Bucket(600)
    assert bucket.ask("a", ahead=(1000, 0)).granted[0] == 29  # what the level holds
    bucket.move(10)
    assert bucket.ask("b", ahead=(1000, 0)).granted[0] == 29
    bucket.move(10)
    assert bucket.ask("c", ahead=(1000, 0)).granted[0] == 2  # a and b have 58 of the 60 that may lie about
    bucket.ask("d", need=(500, 0), since=bucket.now)
    assert bucket.ask("e", ahead=(1000, 0)).granted[0] == 0


def test_429_stops_everyone_until_the_provider_says_and_cuts_the_rate() -> None:
    bucket = Bucket(60)
    answer = bucket.ask("a", limited=Limited(7 * SECOND))
    assert answer.changed_from == 1.0
    assert answer.factor == 0.7
    assert bucket.ask("b", need=(1, 0)).ready_in == 7 * SECOND
    bucket.move(7)
    assert bucket.use(process="b")
    assert not bucket.use(process="b")


def test_refusals_of_calls_that_were_under_way_together_count_as_one() -> None:
    bucket = Bucket(60)
    for _ in range(20):
        answer = bucket.ask("a", limited=Limited(SECOND))
    assert answer.factor == 0.7
    bucket.move(6)
    assert bucket.ask("a", limited=Limited(SECOND)).factor < 0.6


def test_the_rate_recovers_steadily_and_that_is_told_once() -> None:
    bucket = Bucket(60)
    bucket.ask("a", limited=Limited(SECOND))
    factors, told = [], 0
    for _ in range(60):
        bucket.move(1)
        answer = bucket.ask("a")
        factors.append(answer.factor)
        told += answer.changed_from is not None
    assert factors == sorted(factors)
    assert 0.79 < factors[10] < 0.81
    assert (factors[-1], told) == (1.0, 1)


def test_without_retry_after_pauses_grow() -> None:
    bucket, pauses = Bucket(60), []
    for _ in range(4):
        pauses.append(bucket.ask("a", limited=Limited()).paused_for // SECOND)
        bucket.move(10)
    assert pauses == [1, 2, 4, 8]


def test_what_the_provider_says_is_left_is_believed_when_it_is_less() -> None:
    bucket = Bucket(60)
    bucket.ask("a", left=Left(requests=1))
    assert bucket.use()
    assert not bucket.use()
    bucket.ask("a", left=Left(requests=0, requests_limit=60, requests_reset=60 * SECOND))
    assert bucket.ask("a", need=(1, 0)).paused_for == SECOND


def test_a_clock_that_goes_back_holds_nobody_up() -> None:
    bucket = Bucket(60)
    while bucket.use():
        pass
    bucket.move(-3600)
    bucket.ask("a")
    bucket.move(2)
    assert bucket.use()


def test_the_turn_tells_whether_a_change_took_effect() -> None:
    bucket = Bucket()
    bucket.ask("a")
    assert (turn_of(bucket.text, "a"), turn_of(bucket.text, "b"), turn_of("", "a")) == (1, 0, 0)


def test_parts_of_a_state_together_allow_no_more_than_the_whole() -> None:
    bucket = Bucket(60)
    for _ in range(300):
        bucket.use()
        bucket.move(0.1)
    left = 60 - counted(bucket)
    parts = [Bucket(15) for _ in range(4)]
    gone = 0
    for each in parts:
        each.text, each.now = part(bucket.text, 4), bucket.now
        for _ in range(10):
            gone += each.use()
            each.move(1)
    assert gone <= left


steps = st.lists(
    st.tuples(st.integers(0, 4), st.floats(0, 20), st.integers(1, 9), st.booleans(), st.booleans()), max_size=50
)


@settings(max_examples=60, deadline=None)
@given(steps, st.integers(1, 40))
def test_whatever_processes_do_no_minute_sees_more_than_the_limit(
    steps: list[tuple[int, float, int, bool, bool]], limit: int
) -> None:
    """Each step: a process dies or asks; then it uses some of what it holds, now or (when it is alive) later."""
    bucket, uses, lives = Bucket(limit), [], [0] * 5
    held: dict[str, int] = {}
    until: dict[str, int] = {}
    used: dict[str, dict[int, Pair]] = {}
    for number, wait, wanted, dies, keeps in steps:
        name = f"p{number}.{lives[number]}"  # who starts again is another process
        bucket.move(wait)
        if bucket.now > until.get(name, 0):
            held[name] = 0
        if dies:  # it used all it had just before, and told nobody
            uses.append((bucket.now, held.pop(name, 0)))
            used.pop(name, None)
            lives[number] += 1
            continue
        had = held.get(name, 0)
        answer = bucket.ask(
            name, held=(had, 0), need=(min(wanted, limit), 0), more=(wanted, 0), ahead=(wanted, 0),
            since=bucket.now - wanted, used=used.pop(name, {}),
        )  # fmt: skip
        held[name] = (0 if answer.lost else had) + answer.granted[0]
        until[name] = bucket.now + LEASE
        go = held[name] // 2 if keeps else held[name]
        held[name] -= go
        uses.append((bucket.now, go))
        used[name] = {bucket.now // SECOND: (go, 0)}
    assert most_in_a_minute(uses) <= limit


def test_many_processes_share_fairly_and_use_nearly_all() -> None:
    bucket, uses, random_ = Bucket(600), [], random.Random(7)
    had: dict[str, int] = dict.fromkeys("abcdefgh", 0)
    ready: dict[str, tuple[int, int]] = dict.fromkeys(had, (START, START))  # next try, waiting since
    while bucket.now < START + 4 * MINUTE:
        bucket.move(0.02 + random_.random() / 100)
        for name, (at, since) in ready.items():
            if bucket.now >= at:
                answer = bucket.ask(name, need=(1, 0), since=since)
                if answer.granted[0]:
                    bucket.ask(name, used={bucket.now // SECOND: answer.granted})
                    had[name] += 1
                    uses.append((bucket.now, 1))
                    ready[name] = (bucket.now, bucket.now)
                else:
                    ready[name] = (bucket.now + min(answer.ready_in, SECOND), since)
    assert most_in_a_minute(uses) <= 600
    assert len(uses) >= 4 * 600 * 0.9
    assert max(had.values()) <= 1.2 * min(had.values())


def test_a_state_that_another_version_wrote_begins_a_minute_anew() -> None:
    for text in ("nonsense", "{}", "[]", '{"at": 1, "level": 2}'):
        bucket = Bucket(60)
        bucket.text = text
        assert bucket.use()
