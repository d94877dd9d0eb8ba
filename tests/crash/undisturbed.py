"""What a run of each agent gives when nothing disturbs it. Tokens are anything that the oracle knows of that run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

TOKEN = "<token>"
ANSWER = "<answer>"


def output(agent: str, input: dict[str, Any]) -> Any:
    """With `TOKEN` and `ANSWER` where each run has its own."""
    number = input["number"]
    match agent:
        case "clerk":
            return [_clerk(number, turn) for turn in range(input["steps"])]
        case "quiet":
            return [number + turn if turn % 3 == 0 else _effect(f"{number}-{turn}") for turn in range(input["steps"])]
        case "branches":
            return [_branch(number) for _ in range(3)]
        case "parent":
            return {
                "results": [output("clerk", {**input, "steps": 4}), output("branches", input)],
                "approved": True, "paid": _effect(f"{number}-parent"), "sent": _effect(f"{number}-parent"),
            }  # fmt: skip
        case _:
            return " ".join(["done"] + [TOKEN] * sum(3 if turn % 3 == 2 else 1 for turn in range(input["steps"])))


def steps(agent: str, input: dict[str, Any]) -> int:
    """How many steps are recorded, each once."""
    match agent:
        case "clerk" | "quiet":
            return input["steps"]
        case "branches":
            return 3 * 6
        case "parent":
            return 2 + 1 + 1 + 2 + 1 + 1
        case _:
            return 1 + sum(4 if turn % 3 == 2 else 2 for turn in range(input["steps"]))


def masked(value: Any) -> Any:
    """A real output with tokens and answers struck out, to compare with `output`."""
    match value:
        case {"item": item, "token": _}:
            return {"item": item, "token": TOKEN}
        case {"of": _, "token": _}:
            return {"of": TOKEN, "token": TOKEN}
        case dict():
            return {key: masked(one) for key, one in value.items()}
        case list():
            return [masked(one) for one in value]
        case str() if value.startswith("answer "):
            return ANSWER
        case str() if value.startswith("done "):
            return " ".join(["done"] + [TOKEN] * (len(value.split()) - 1))
        case _:
            return value


def tokens(value: Any) -> Iterator[str]:
    """Those of tools; the seals have their own."""
    match value:
        case {"item": _, "token": token}:
            yield token
        case dict():
            for one in value.values():
                yield from tokens(one)
        case list():
            for one in value:
                yield from tokens(one)
        case str() if value.startswith("done "):
            yield from value.split()[1:]
        case _:
            pass


def broken_seals(value: Any) -> Iterable[str]:
    """Branches whose seals are of other tokens than they carry: answers were swapped."""
    match value:
        case {"found": found, "said": said, "first": first, "paid": paid, "again": again, "second": second}:
            if first["of"] != [found["token"], said]:
                yield f"sealed {first['of']}, carries {[found['token'], said]}"
            if second["of"] != [first["token"], paid["token"], again]:
                yield f"sealed {second['of']}, carries {[first['token'], paid['token'], again]}"
        case dict():
            for one in value.values():
                yield from broken_seals(one)
        case list():
            for one in value:
                yield from broken_seals(one)
        case _:
            pass


def _clerk(number: int, turn: int) -> Any:
    match (number + turn) % 8:
        case 0:
            return number + turn
        case 3:
            return ANSWER
        case 4:
            return 36
        case 7:
            return 70_000
        case _:
            return _effect(f"{number}-{turn}")


def _effect(item: str) -> dict[str, str]:
    return {"item": item, "token": TOKEN}


def _branch(number: int) -> dict[str, Any]:
    seal = {"of": TOKEN, "token": TOKEN}
    return {"found": _effect(f"{number}-same"), "said": ANSWER, "first": seal, "paid": _effect(f"{number}-same"),
            "again": ANSWER, "second": seal}  # fmt: skip
