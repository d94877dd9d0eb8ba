from __future__ import annotations

import random

from fairlead.gateway.fair_queue import FairQueue


def drained(queue: FairQueue[str]) -> list[str]:
    order: list[str] = []
    while (head := queue.head()) is not None:
        queue.take(head)
        order.append(head.item)
    return order


def test_a_tenant_is_served_in_the_order_in_which_it_came() -> None:
    queue: FairQueue[str] = FairQueue()
    for number in range(6):
        queue.put(str(number), tenant="a")
    assert drained(queue) == ["0", "1", "2", "3", "4", "5"]


def test_tenants_take_turns_whoever_floods() -> None:
    queue: FairQueue[str] = FairQueue()
    for _ in range(100):
        queue.put("flood", tenant="a")
    for _ in range(3):
        queue.put("quiet", tenant="b")
    assert drained(queue)[:8].count("quiet") == 3


def test_tenants_with_large_calls_get_as_much_not_as_many() -> None:
    queue: FairQueue[str] = FairQueue()
    for _ in range(40):
        queue.put("large", tenant="a", cost=4)
        queue.put("small", tenant="b", cost=1)
    first = drained(queue)[:25]
    assert first.count("small") >= 2 * first.count("large")


def test_a_tenant_saves_up_no_turns_while_it_is_away() -> None:
    queue: FairQueue[str] = FairQueue()
    for _ in range(50):
        queue.put("a", tenant="a")
    for _ in range(20):
        queue.take(queue.head())  # type: ignore[arg-type]
    for _ in range(50):
        queue.put("b", tenant="b")
    first = drained(queue)[:20]
    assert 7 <= first.count("b") <= 13


def test_a_tenant_gains_nothing_by_having_one_call_at_a_time() -> None:
    queue: FairQueue[str] = FairQueue()
    order: list[str] = []
    for _ in range(100):
        queue.put("many", tenant="a")
    queue.put("one", tenant="b")
    for _ in range(40):
        head = queue.head()
        assert head is not None
        queue.take(head)
        order.append(head.item)
        if head.item == "one":
            queue.put("one", tenant="b")
    assert 10 <= order.count("one") <= 20


def test_the_higher_priority_goes_first_and_nobody_starves() -> None:
    queue: FairQueue[str] = FairQueue()
    queue.put("low", tenant="a", priority=-5)
    for _ in range(10):
        queue.put("high", tenant="b", priority=9)
    assert drained(queue).index("low") == 3


def test_whoever_leaves_leaves_no_trace() -> None:
    queue: FairQueue[str] = FairQueue()
    places = [queue.put(str(n), tenant=f"t{n % 3}", priority=n % 2) for n in range(30)]
    random.Random(1).shuffle(places)
    for place in places:
        queue.drop(place)
        queue.drop(place)
    assert (len(queue), queue.head(), list(queue)) == (0, None, [])


def test_everybody_is_served_once() -> None:
    chance, queue, waiting = random.Random(3), FairQueue[int](), set[int]()
    for number in range(2000):
        queue.put(number, tenant=str(chance.randrange(40)), priority=chance.randrange(3), cost=chance.random())
        waiting.add(number)
        if chance.random() < 0.4 and (head := queue.head()):
            queue.take(head)
            waiting.remove(head.item)
    while head := queue.head():
        queue.take(head)
        waiting.remove(head.item)
    assert waiting == set()
