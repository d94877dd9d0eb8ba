from __future__ import annotations

from typing import Any

import pytest

from fairlead.agents.schema import check_schema, find_problems
from fairlead.errors import ConfigurationError

TREE = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "children": {"type": "array", "items": {"$ref": "#"}}},
    "required": ["name"],
    "additionalProperties": False,
}
NAMED = {"$defs": {"id": {"type": "string", "pattern": "^[a-z]+$"}}, "type": "array", "items": {"$ref": "#/$defs/id"}}


def problems(value: Any, schema: Any) -> list[str]:
    check_schema(schema, schema)
    return list(find_problems(value, schema, schema))


@pytest.mark.parametrize(
    ("value", "schema"),
    [
        ({"name": "a", "children": [{"name": "b", "children": []}]}, TREE),
        (["a", "bc"], NAMED),
        (3.0, {"type": "integer"}),
        (3, {"type": "number", "minimum": 3, "maximum": 3, "multipleOf": 1.5}),
        (None, {"type": ["string", "null"]}),
        ("b", {"enum": ["a", "b"]}),
        (1, {"anyOf": [{"type": "string"}, {"const": 1}]}),
        ([1, "a"], {"prefixItems": [{"type": "integer"}], "items": {"type": "string"}}),
        ({"anything": [1]}, {}),
        (5, {"not": {"type": "string"}, "allOf": [{"exclusiveMinimum": 4}]}),
        ([1, True, 1.5], {"uniqueItems": True}),
    ],
)
def test_what_fits_has_no_problems(value: Any, schema: Any) -> None:
    assert problems(value, schema) == []


@pytest.mark.parametrize(
    ("value", "schema", "words"),
    [
        ({"name": "a", "children": [{"name": 1}]}, TREE, "`$.children[0].name` must be of type string"),
        ({}, TREE, "`$.name` is missing"),
        ({"name": "a", "x": 1}, TREE, "`$.x` is not allowed"),
        (["a", "B"], NAMED, "`$[1]` must match"),
        (True, {"type": "integer"}, "`$` must be of type integer"),
        (True, {"enum": [1]}, "must be one of [1]"),
        (1, {"const": True}, "must be True"),
        (2, {"minimum": 3}, "at least 3"),
        (4, {"exclusiveMaximum": 4}, "less than 4"),
        (4, {"exclusiveMinimum": 4}, "more than 4"),
        (5, {"multipleOf": 2}, "multiple of 2"),
        ("abc", {"maxLength": 2}, "at most 2 characters"),
        ([], {"minItems": 1}, "at least 1 items"),
        ([1, 1.0], {"uniqueItems": True}, "twice"),
        ({"a": 1}, {"maxProperties": 0}, "at most 0 properties"),
        (1, {"anyOf": [{"type": "string"}, {"type": "null"}]}, "fits none of the 2 forms"),
        (1, {"oneOf": [{"type": "integer"}, {"type": "number"}]}, "fits 2 forms"),
        (1, {"not": {"type": "integer"}}, "excluded"),
        (1, False, "is not allowed"),
    ],
)
def test_what_does_not_fit_is_named_by_path(value: Any, schema: Any, words: str) -> None:
    assert words in "; ".join(problems(value, schema))


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"properties": {"a": {"if": {}}}}, "$.properties.a uses `if`"),
        ({"items": {"type": "text"}}, "$.items.type is 'text'"),
        ({"anyOf": [5]}, "$.anyOf[0] is no JSON schema"),
        ({"pattern": "("}, "$.pattern is no pattern"),
        ({"$ref": "#/$defs/nope"}, "refers to '#/$defs/nope'"),
        ({"$ref": "https://example.org/s"}, "refers to"),
    ],
)
def test_a_schema_that_cannot_be_held_is_refused(schema: Any, words: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        check_schema(schema, schema)
    assert words in str(caught.value)
