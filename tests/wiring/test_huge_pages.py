from __future__ import annotations

import platform
import subprocess
import sys

import pytest

from fairlead.wiring.huge_pages import pages_worth_moving

_AREA = """{begin:x}-{end:x} {rights} 00000000 {file}
Size:           {size:8} kB
KernelPageSize:        4 kB
Rss:            {rss:8} kB
Pss:            {rss:8} kB
AnonHugePages:  {huge:8} kB
VmFlags: rd wr mr mw me ac
"""
_MB = 1 << 20
_NOBODYS = "00:00 0"


def _area(
    begin: int, megabytes: int, *, rss: float = 1.0, huge: int = 0, file: str = _NOBODYS, rights: str = "rw-p"
) -> str:
    size = megabytes * 1024
    return _AREA.format(
        begin=begin, end=begin + megabytes * _MB, rights=rights, file=file, size=size, rss=int(size * rss), huge=huge
    )


def test_whole_huge_pages_of_full_areas_are_worth_moving() -> None:
    odd = _area(0x7F00_0010_0000, 6)  # begins and ends in the middle of one
    heap = _area(0x5500_0000_0000, 2, file="00:00 0                                  [heap]")

    assert list(pages_worth_moving(odd + heap)) == [0x7F00_0020_0000, 0x7F00_0040_0000, 0x5500_0000_0000]


def test_what_is_thinly_used_huge_already_or_a_files_stays_as_it_is() -> None:
    areas = (
        _area(0x7F00_0000_0000, 8, rss=0.01)  # a thread's stack
        + _area(0x7F10_0000_0000, 4, huge=4096)
        + _area(0x7F20_0000_0000, 4, file="fe:00 260368                     /usr/lib/library.so")
        + _area(0x7F30_0000_0000, 4, rights="r--p")
        + _area(0x7F40_0000_0000, 1)
    )

    assert list(pages_worth_moving(areas)) == []


_LOOK = """
from fairlead.wiring.huge_pages import move_into_huge_pages

def huge():
    said = open("/proc/self/smaps_rollup").read().partition("AnonHugePages:")[2]
    return int(said.split()[0])

objects = [[number] for number in range(500_000)]
before = huge()
moved, more = move_into_huge_pages(), huge() - before
print(moved, more, move_into_huge_pages(), all(one == [at] for at, one in enumerate(objects)))
"""


def _linux() -> tuple[int, ...]:
    return tuple(map(int, platform.release().split(".")[:2])) if sys.platform == "linux" else (0,)


@pytest.mark.skipif(_linux() < (6, 1), reason="the kernel can't be asked")
def test_objects_of_a_process_are_moved_once() -> None:
    said = subprocess.run([sys.executable, "-c", _LOOK], capture_output=True, text=True, check=True).stdout

    moved, more_kb, again, unharmed = said.split()
    assert int(moved) >= 5
    assert int(more_kb) == int(moved) * 2048
    assert int(again) == 0
    assert unharmed == "True"
