"""One client that asks one thing after the other on a connection that is kept, and how long each answer took."""

from __future__ import annotations

import http.client
import json
import random
import time
from collections.abc import Callable, Sequence
from typing import Any

Ask = tuple[str, str, Any]  # method, path, body


def times(port: int, asks: Sequence[Ask], headers: Sequence[str] = (), *, rest: float = 0.0) -> list[float]:
    """Milliseconds. `rest`: up to so many seconds of it between two. RuntimeError: one was not answered with 200."""
    rng, took = random.Random(1), list[float]()
    given = dict(one.split(": ", 1) for one in headers) | {"content-type": "application/json"}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    for method, path, body in asks:
        data = None if body is None else json.dumps(body).encode()
        time.sleep(rng.uniform(0, rest))
        began = time.perf_counter()
        connection.request(method, path, data, given)
        answer = connection.getresponse()
        said = answer.read()
        took.append((time.perf_counter() - began) * 1000)
        if answer.status != 200:
            raise RuntimeError(f"{method} {path}: {answer.status} {said[:300]!r}")
    connection.close()
    return took


def repeated(ask: Callable[[int], Ask], count: int) -> list[Ask]:
    return [ask(number) for number in range(count)]
