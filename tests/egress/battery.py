"""36 hostile addresses and 3 honest ones, and what it means that one got through: a connection was opened to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from fairlead.egress import Egress, read_rules
from fairlead.errors import FairleadError
from tests.egress.network import HONEST, HONEST_6, Names, Wires, redirect, serving

Make = Callable[[Names, Wires], Egress]

HOSTILE = (
    "http://127.0.0.1/",
    "http://127.1/",
    "http://127.8.9.10:8000/",
    "http://2130706433/",  # decimal
    "http://0177.0.0.1/",  # octal
    "http://0x7f.0.0.1/",  # hexadecimal
    "http://0x7f000001/",
    "http://0/",
    "http://0.0.0.0/",
    "http://localhost/",
    "http://LOCALHOST./",
    "http://[::1]/",
    "http://[::]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:a9fe:a9fe]/",  # IPv4-mapped metadata
    "http://[::127.0.0.1]/",  # IPv4-compatible
    "http://[64:ff9b::7f00:1]/",  # NAT64
    "http://[64:ff9b:1::a00:1]/",  # NAT64 of a local network
    "http://[2002:7f00:1::]/",  # 6to4
    "http://[2001:0:5ef5:79fd::1]/",  # Teredo
    "http://[fe80::1]/",
    "http://[fd00:ec2::254]/latest/meta-data/",
    "http://169.254.169.254/latest/meta-data/",
    "http://100.100.100.200/latest/meta-data/",
    "http://168.63.129.16/machine",
    "http://metadata.internal/computeMetadata/v1/",
    "http://10.0.0.8/",
    "http://172.31.255.1/",
    "http://192.168.1.1/",
    "http://100.64.0.1/",
    "http://224.0.0.1/",
    "http://255.255.255.255/",
    "http://inward.example/",  # a public name that stands for a private address
    "http://mixed.example/",  # … for a public and a private one
    "http://rebinding.example/",  # … for a public one when it is checked, a private one when it is called
    "http://example.com/to-private",  # a redirect
)
HONEST_ONES = ("http://example.com/", f"http://[{HONEST_6}]/", "http://hooks.corp.example/")
_PUBLIC = {HONEST, HONEST_6, "10.9.8.7"}  # the last by leave of the operator
RULES = read_rules(["hooks.corp.example"])


@dataclass(slots=True)
class Result:
    through: list[str] = field(default_factory=list[str])
    refused: dict[str, FairleadError] = field(default_factory=dict[str, FairleadError])
    answered: list[str] = field(default_factory=list[str])


async def battery(make: Make) -> Result:
    """Tries them all on clients that `make` makes."""
    result = Result()
    for url in (*HOSTILE, *HONEST_ONES):
        async with serving() as server:
            server.answers["/to-private"] = redirect("http://10.0.0.8/secret")
            names = _names()
            wires = Wires(names, server.port)
            egress = make(names, wires)
            try:
                answer = await egress.request("GET", url, redirects=3)
                result.answered += [url] if answer.status == 200 else []
            except FairleadError as error:
                result.refused[url] = error
            finally:
                await egress.close()
            result.through += [url] if set(wires.reached) - _PUBLIC else []
    return result


def _names() -> Names:
    return Names({
        "example.com": [[HONEST]],
        "hooks.corp.example": [["10.9.8.7"]],
        "metadata.internal": [["169.254.169.254"]],
        "inward.example": [["192.168.0.10"]],
        "mixed.example": [["10.0.0.9", HONEST]],
        "rebinding.example": [[HONEST], ["127.0.0.1"]],
    })  # fmt: skip
