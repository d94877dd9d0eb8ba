"""Moves what a process holds into huge pages of memory, where the kernel does that when it is asked (Linux 6.1).

A model call goes through tens of megabytes of small objects. In pages of 4 KB nearly each is an address that the
processor has to look up, in a virtual machine in two tables at once; and after each wait for a database that had the
processor meanwhile it looks them up again. In pages of 2 MB they are few.
"""

from __future__ import annotations

import asyncio
import ctypes
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from fairlead.clock import Clock

_HUGE = 2 << 20  # bytes; where pages are of another size the kernel refuses, and all stays as it is
_COLLAPSE = 25  # MADV_COLLAPSE
_KB = 1024
_AREA = re.compile(
    r"^([0-9a-f]+)-([0-9a-f]+) rw-p \S+ 00:00 0 *(?:\[(?:heap|anon:[^\]]*)\])?\n"
    r"Size: .*?^Rss: +(\d+) kB$.*?^AnonHugePages: +(\d+) kB$",
    re.MULTILINE | re.DOTALL,
)
_FULL = 0.8  # of an area's addresses that have memory
_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(seconds=10), timedelta(minutes=10)


async def keep_in_huge_pages(clock: Clock) -> None:
    """Now, and from time to time for what has come since: some of what agents use is loaded when they are first called.
    Returns where the kernel moves nothing."""
    pause = _FIRST_PAUSE
    moved = await asyncio.to_thread(move_into_huge_pages)
    while moved:
        await clock.sleep(pause)
        await asyncio.to_thread(move_into_huge_pages)
        pause = min(2 * pause, _LONGEST_PAUSE)


def move_into_huge_pages() -> int:
    """How many of them there are more."""
    try:
        worth_it = list(pages_worth_moving(Path("/proc/self/smaps").read_text()))
        advise = ctypes.CDLL(None).madvise
    except (OSError, AttributeError):  # no Linux
        return 0
    advise.argtypes = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int
    return sum([advise(page, _HUGE, _COLLAPSE) == 0 for page in worth_it])


def pages_worth_moving(areas: str) -> Iterator[int]:
    """Where huge pages could begin, in what `smaps` says of a process. Not in areas that are thinly used: a thread's
    stack would take forty times as much."""
    for area in _AREA.finditer(areas):
        begin, end = int(area[1], 16), int(area[2], 16)
        pages = range(-(-begin // _HUGE) * _HUGE, end - _HUGE + 1, _HUGE)
        if int(area[3]) * _KB >= _FULL * (end - begin) and int(area[4]) * _KB < len(pages) * _HUGE:
            yield from pages
