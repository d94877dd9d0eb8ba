from __future__ import annotations

import json
import random
from typing import Any

import orjson
import pytest

from fairlead.errors import InvalidInput, NotJson
from fairlead.gateway.wire import WIRES
from fairlead.gateway.wire.repeated_key import ensure_keys_once, repeated_key


def _of(text: str) -> str | None:
    data = text.encode()
    return repeated_key(data, orjson.loads(data))


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('{"budget_usd":1,"budget_usd":100}', "budget_usd"),
        ('{ "a" : 1 , "b" : 2,\n"a"\t:\r3 }', "a"),
        ('{"x":{"y":[{"a":1},{"b":2,"b":2}]}}', "b"),
        ('[[{"a":1,"a":1}]]', "a"),
        ('{"a":1,"\\u0061":2}', "a"),
        ('{"\\u0061":1,"a":2}', "a"),
        ('{"a\\u003ab":1,"a:b":2}', "a:b"),
        ('{"ü":1,"\\u00fc":2}', "ü"),
        ('{"\\ud83d\\ude00":1,"😀":2}', "😀"),
        ('{"":1,"":2}', ""),
        ('{"a":{"b":1},"a":{"b":1}}', "a"),
        # What is escaped must not make up for what was dropped.
        ('{"a":"\\u003a","b":1,"b":2}', "b"),
        ('{"a":"\\u003A\\u003a","b":1,"b":2}', "b"),
        ('{"a":"\\u0022:","b":1,"b":2}', "b"),
        ('{"a":"\\\\u003a","b":1,"b":2}', "b"),
        ('{"a":"::::","a":"x"}', "a"),
        ('{"a":"x","a":"::::"}', "a"),
        ('{"a":1e5,"a":100000.0}', "a"),
        ('{"a":' + "9" * 300 + ',"a":1}', "a"),
        ('{"a":0.' + "9" * 5000 + ',"a":1}', "a"),
        ('{"a":' + "[" * 400 + "]" * 400 + ',"a":1}', "a"),
    ],
)  # fmt: skip
def test_a_key_that_is_there_twice_is_found(text: str, key: str) -> None:
    assert _of(text) == key


@pytest.mark.parametrize(
    "text",
    [
        "1", '"a"', "[]", "{}", "null", ' { "a" : 1 } ',
        '{"a":1,"b":{"a":1,"b":[{"a":1},{"a":1}]}}',
        '{"a":"\\"a\\":1,\\"a\\":2"}', '{ "a" : "\\"a\\" : 1" }', '{"a" :"\\u0022a\\u0022:1"}',
        '{"a":"\\u003a"}', '{"a":"\\u003A:"}', '{"a":"\\\\u003a"}', '{"a\\\\":1,"a":2}', '{"a\\"":1, "a":2}',
        '{"a":":)","b" :": "}', '{"A":1,"a":2}', '{"a":1,"a ":2}', '{"\\u00e9":1,"e\\u0301":2}',
        '{"a":1.0e3,"b":-0,"c":12345678901234567890123}', '{"a":"<\\u003cb\\u003e"}',
        '{"a": ' + "[" * 400 + "]" * 400 + "}",
    ],
)  # fmt: skip
def test_what_only_looks_like_it_is_taken(text: str) -> None:
    assert _of(text) is None


def test_it_agrees_with_a_parser_that_sees_every_pair() -> None:
    """Whatever is written in whichever way: escaped or not, with room between or without."""
    dice = random.Random(7)
    twice = 0
    for _ in range(3000):
        text, repeats = _written(dice, 4)
        twice += repeats
        assert (_of(text) is not None) == repeats, text
    assert 500 < twice < 2500


def _written(dice: random.Random, depth: int) -> tuple[str, bool]:
    gap = dice.choice(("", "", " ", "\n\t"))
    kind = dice.choice("ol" if depth > 2 else "olt" if depth else "t")
    if kind in "ol":
        keys = [dice.choice(("a", "b", ":", '":', "\\", "u003a")) for _ in range(dice.randrange(4))]
        parts = [_written(dice, depth - 1) for _ in keys]
        repeats = any(found for _, found in parts)
        if kind == "l":
            return f"[{gap}{f',{gap}'.join(text for text, _ in parts)}]", repeats
        pairs = (f"{_string(dice, key)}{gap}:{gap}{text}" for key, (text, _) in zip(keys, parts, strict=True))
        return f"{{{f',{gap}'.join(pairs)}{gap}}}", repeats or len(set(keys)) < len(keys)
    return _string(dice, dice.choice(("", ":", '":', '\\":', "\\u003a", "1"))), False


def _string(dice: random.Random, text: str) -> str:
    signs = (f"\\u{ord(sign):04{dice.choice('xX')}}" if dice.random() < 0.3 else _sign(sign) for sign in text)
    return f'"{"".join(signs)}"'


def _sign(sign: str) -> str:
    return json.dumps(sign)[1:-1]


def test_what_nothing_could_write_again_is_no_json() -> None:
    with pytest.raises(NotJson, match="nested too deep"):
        _of("[" * 1000 + "]" * 1000)


def test_the_key_is_told_and_no_more_of_it_than_a_line() -> None:
    with pytest.raises(InvalidInput, match=r"The body has the key `k{100}` twice in one object\. Send each key once\."):
        key = "k" * 5000
        data = f'{{"{key}":"a secret","{key}":2}}'.encode()
        ensure_keys_once(data, orjson.loads(data))


@pytest.mark.parametrize("wire", WIRES.values())
def test_no_format_of_the_gateway_takes_a_request_that_says_two_things(wire: Any) -> None:
    with pytest.raises(InvalidInput, match="`model` twice"):
        wire.parse_request(b'{"model":"cheap","model":"dear","messages":[],"input":"x","max_tokens":1}')
