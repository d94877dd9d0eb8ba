from __future__ import annotations

from typing import Any

import pytest

from fairlead import Agent
from fairlead.agents.spec import spec_of
from fairlead.web.console.form import Kind, Shape, fill, fresh, layout_of, layout_of_schema, read, read_object
from tests.console import office

TRIP = layout_of(spec_of("trip", office.plan_trip))
CHAT = layout_of(spec_of("writer", Agent("writer", "openai/gpt-5-mini")))
FILE = {"type": "file", "file_id": "f1"}


def _texts(problems: Any) -> dict[str, str]:
    return {name: one.text % one.places for name, one in problems.items()}


def test_each_property_of_the_schema_is_a_field_of_its_kind() -> None:
    kinds = {field.key: field.kind for field in TRIP.fields}
    assert kinds == {
        "city": Kind.LINE, "nights": Kind.INTEGER, "budget": Kind.NUMBER, "by": Kind.CHOICE, "wishes": Kind.LONG,
        "guests": Kind.JSON, "insured": Kind.SWITCH,
    }  # fmt: skip
    assert [field.key for field in TRIP.fields if field.required] == ["city"]


def test_defaults_are_filled_in() -> None:
    typed = fresh(TRIP)
    assert (typed["in.nights"], typed["in.by"], typed["in.insured"], typed["in.city"]) == ("2", "train", "yes", "")


def test_what_is_typed_comes_to_the_value_and_back() -> None:
    value = {"city": "Linz", "nights": 3, "budget": 99.5, "by": "bus", "wishes": "Two\nlines", "guests": ["Ada"],
             "insured": False}  # fmt: skip
    typed = fill(TRIP, value)
    assert typed is not None
    assert read(TRIP, typed).value == value
    assert not read(TRIP, typed).problems


def test_what_nobody_typed_is_not_sent() -> None:
    assert read(TRIP, fresh(TRIP) | {"in.city": "Linz", "in.nights": ""}).value == {
        "city": "Linz", "by": "train", "insured": True
    }  # fmt: skip


def test_every_fault_is_told_at_its_field() -> None:
    found = read(TRIP, {"in.nights": "two", "in.budget": "1e999", "in.by": "car", "in.guests": "[1,"})
    assert _texts(found.problems) == {
        "in.city": "This is needed.",
        "in.nights": "This is no whole number.",
        "in.budget": "This is no number.",
        "in.by": "Choose one of the list.",
        "in.guests": "This is no JSON: see line 1, column 4. A text goes in quotes.",
    }


def test_what_the_schema_forbids_is_told_at_its_field_too() -> None:
    found = read(TRIP, fresh(TRIP) | {"in.city": "x" * 61, "in.nights": "31", "in.guests": "[1]"})
    assert _texts(found.problems) == {
        "in.city": "must be at most 60 characters",
        "in.nights": "must be at most 30",
        "in.guests": "[0] must be of type string",
    }


def test_a_value_that_the_fields_cannot_say_is_left_to_json() -> None:
    assert fill(TRIP, {"city": "Linz", "odd": 1}) is None
    assert fill(TRIP, "Linz") is None
    raw = layout_of(spec_of("trip", office.plan_trip), raw=True)
    typed = fill(raw, {"city": "Linz"})
    assert typed is not None
    assert read(raw, typed).value == {"city": "Linz"}
    assert (
        _texts(read(raw, {"in": "{}"}).problems) == {"": "`$.city` is missing"[8:].strip("`")}
        or read(raw, {"in": "{}"}).problems
    )


def test_a_chat_is_a_message_with_the_files_that_go_with_it() -> None:
    assert CHAT.shape is Shape.CHAT
    assert read(CHAT, {"in": "Hi"}).value == "Hi"
    with_file = read(CHAT, {"in": "Read this"}, {"in-files": [FILE]}).value
    assert with_file == {"messages": [{"role": "user", "content": [{"type": "text", "text": "Read this"}, FILE]}]}
    assert fill(CHAT, with_file) == {"in": "Read this", "in-files": "f1"}
    assert fill(CHAT, {"messages": [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}]}) is None


def test_files_are_blocks_where_the_schema_has_them() -> None:
    layout = layout_of_schema(
        {"type": "object", "properties": {"files": {"type": "array"}, "scan": {"type": "object", "format": "file"}},
         "required": ["scan"]}, "in",
    )  # fmt: skip
    assert [field.kind for field in layout.fields] == [Kind.FILES, Kind.FILE]
    assert _texts(read(layout, {}).problems) == {"in.scan": "Choose a file."}
    assert read(layout, {}, {"in.files": [FILE], "in.scan": [FILE]}).value == {"files": [FILE], "scan": FILE}


@pytest.mark.parametrize(
    ("schema", "typed", "value"),
    [
        ({"type": "string"}, "Hi\r\nyou", "Hi\nyou"),
        ({"type": "integer"}, " 7 ", 7),
        ({"type": "array", "items": {"type": "integer"}}, "[1, 2]", [1, 2]),
        ({"enum": [1, "a", None]}, "null", None),
        ({"anyOf": [{"type": "integer"}, {"type": "string"}]}, '"x"', "x"),
        ({"$ref": "#/$defs/City", "$defs": {"City": {"type": "string"}}}, "Linz", "Linz"),
    ],
)
def test_an_input_that_is_one_value_is_one_field(schema: dict[str, Any], typed: str, value: Any) -> None:
    found = read(layout_of_schema(schema, "in"), {"in": typed})
    assert (found.value, found.problems) == (value, {})


def test_a_schema_that_leads_nowhere_takes_json() -> None:
    layout = layout_of_schema({"$ref": "#/$defs/Loop", "$defs": {"Loop": {"$ref": "#/$defs/Loop"}}}, "in")
    assert layout.fields[0].kind is Kind.JSON


def test_an_object_is_an_object() -> None:
    assert read_object("  ") == ({}, None)
    assert read_object('{"a": 1}') == ({"a": 1}, None)
    assert [read_object(text)[1] is None for text in ("[1]", "{", "1")] == [False] * 3
