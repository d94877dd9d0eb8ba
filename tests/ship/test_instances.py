"""What is wanted of processes, in files that a command and the supervisor write."""

from __future__ import annotations

import threading
from pathlib import Path

from fairlead.ship.host.instances import Instances, Wanted


def test_something_is_wanted_while_the_last_of_its_release_is_forgotten(tmp_path: Path) -> None:
    instances, stop = Instances(tmp_path), threading.Event()

    def forget() -> None:
        while not stop.is_set():
            instances.forget("v1", 1)

    supervisor = threading.Thread(target=forget)
    supervisor.start()
    try:
        for _ in range(1000):
            instances.want("v1", 1, Wanted(("true",), "/"))
    finally:
        stop.set()
        supervisor.join()
    instances.want("v1", 1, Wanted(("true",), "/"))
    assert [one.number for one in instances.all()] == [1]
