"""Hold a value to a JSON schema: the part of JSON Schema that providers accept for structured output.

A keyword outside that part is refused when the schema is read, not ignored when a value is checked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from fairlead.errors import ConfigurationError

_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "null": (type(None),),
}
_ABOUT = {"title", "description", "default", "examples", "example", "$schema", "$id", "$comment", "format", "strict"}
_KNOWN = _ABOUT | {
    "type", "enum", "const", "properties", "required", "additionalProperties", "items", "prefixItems", "minItems",
    "maxItems", "uniqueItems", "minLength", "maxLength", "pattern", "minimum", "maximum", "exclusiveMinimum",
    "exclusiveMaximum", "multipleOf", "minProperties", "maxProperties", "anyOf", "oneOf", "allOf", "not", "$ref",
    "$defs", "definitions",
}  # fmt: skip
_MAPS = ("properties", "$defs", "definitions")
_LISTS = ("anyOf", "oneOf", "allOf", "prefixItems")
_SINGLES = ("items", "additionalProperties", "not")

Schema = Mapping[str, Any]


def check_schema(schema: Any, root: Schema, path: str = "$") -> None:
    """Raises ConfigurationError naming what cannot be held."""
    if isinstance(schema, bool):
        return
    if not isinstance(schema, Mapping):
        raise ConfigurationError(f"{path} is no JSON schema: {schema!r}.")
    here = cast("Schema", schema)
    if strange := sorted(set(here) - _KNOWN):
        raise ConfigurationError(
            f"{path} uses `{strange[0]}`, which structured output does not know.",
            hint="Express it otherwise, or give a pydantic model with a validator.",
        )
    for name in _as_list(here.get("type", [])):
        if name not in _TYPES:
            raise ConfigurationError(f"{path}.type is {name!r}.", hint=f"Use one of {', '.join(_TYPES)}.")
    if "pattern" in here:
        _compile(here["pattern"], path)
    if "$ref" in here:
        _resolve(here["$ref"], root)
    for where, child in _children(here, path):
        check_schema(child, root, where)


def find_problems(value: Any, schema: Schema | bool, root: Schema, path: str = "$") -> Iterator[str]:
    """A sentence for each place where the value does not fit."""
    if isinstance(schema, bool):
        if not schema:
            yield f"`{path}` is not allowed"
        return
    if "$ref" in schema:
        yield from find_problems(value, _resolve(schema["$ref"], root), root, path)
    if "type" in schema and not any(_is_a(value, name) for name in _as_list(schema["type"])):
        yield f"`{path}` must be of type {' or '.join(_as_list(schema['type']))}"
        return
    if "enum" in schema and not any(_same(value, one) for one in schema["enum"]):
        yield f"`{path}` must be one of {schema['enum']!r}"
    if "const" in schema and not _same(value, schema["const"]):
        yield f"`{path}` must be {schema['const']!r}"
    yield from _combined(value, schema, root, path)
    match value:
        case bool():
            return
        case str():
            yield from _of_text(value, schema, path)
        case int() | float():
            yield from _of_number(value, schema, path)
        case list():
            yield from _of_array(cast("list[Any]", value), schema, root, path)
        case dict():
            yield from _of_object(cast("dict[str, Any]", value), schema, root, path)
        case _:
            return


def _combined(value: Any, schema: Schema, root: Schema, path: str) -> Iterator[str]:
    for one in schema.get("allOf", []):
        yield from find_problems(value, one, root, path)
    for keyword in ("anyOf", "oneOf"):
        if keyword in schema:
            tried = [list(find_problems(value, one, root, path)) for one in schema[keyword]]
            fitting = sum(not found for found in tried)
            if not fitting:
                yield f"`{path}` fits none of the {len(tried)} forms (nearest: {min(tried, key=len)[0]})"
            elif keyword == "oneOf" and fitting > 1:
                yield f"`{path}` fits {fitting} forms, and must fit one"
    if "not" in schema and not list(find_problems(value, schema["not"], root, path)):
        yield f"`{path}` has the form that is excluded"


def _of_text(value: str, schema: Schema, path: str) -> Iterator[str]:
    yield from _between(len(value), schema, "minLength", "maxLength", path, "characters")
    if "pattern" in schema and not re.search(schema["pattern"], value):
        yield f"`{path}` must match {schema['pattern']!r}"


def _of_number(value: float, schema: Schema, path: str) -> Iterator[str]:
    yield from _between(value, schema, "minimum", "maximum", path, "")
    if "exclusiveMinimum" in schema and value <= schema["exclusiveMinimum"]:
        yield f"`{path}` must be more than {schema['exclusiveMinimum']}"
    if "exclusiveMaximum" in schema and value >= schema["exclusiveMaximum"]:
        yield f"`{path}` must be less than {schema['exclusiveMaximum']}"
    if "multipleOf" in schema and not float(value / schema["multipleOf"]).is_integer():
        yield f"`{path}` must be a multiple of {schema['multipleOf']}"


def _of_array(value: list[Any], schema: Schema, root: Schema, path: str) -> Iterator[str]:
    yield from _between(len(value), schema, "minItems", "maxItems", path, "items")
    first: Sequence[Any] = schema.get("prefixItems", [])
    for i, item in enumerate(value):
        rule = first[i] if i < len(first) else schema.get("items", True)
        yield from find_problems(item, rule, root, f"{path}[{i}]")
    if schema.get("uniqueItems") and any(_same(a, b) for i, a in enumerate(value) for b in value[:i]):
        yield f"`{path}` has an item twice"


def _of_object(value: dict[str, Any], schema: Schema, root: Schema, path: str) -> Iterator[str]:
    yield from _between(len(value), schema, "minProperties", "maxProperties", path, "properties")
    known: Mapping[str, Any] = schema.get("properties", {})
    for name in schema.get("required", []):
        if name not in value:
            yield f"`{path}.{name}` is missing"
    for name, item in value.items():
        rule = known.get(name, schema.get("additionalProperties", True))
        yield from find_problems(item, rule, root, f"{path}.{name}")


def _between(size: float, schema: Schema, least: str, most: str, path: str, unit: str) -> Iterator[str]:
    if least in schema and size < schema[least]:
        yield f"`{path}` must be at least {schema[least]} {unit}".rstrip()
    if most in schema and size > schema[most]:
        yield f"`{path}` must be at most {schema[most]} {unit}".rstrip()


def _is_a(value: Any, name: str) -> bool:
    if isinstance(value, bool):
        return name == "boolean"
    if name == "integer" and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, _TYPES[name])


def _same(one: Any, other: Any) -> bool:
    # In JSON `true` is not 1, whatever Python says.
    return isinstance(one, bool) == isinstance(other, bool) and one == other


def _children(schema: Schema, path: str) -> Iterator[tuple[str, Any]]:
    for keyword in _MAPS:
        for name, child in schema.get(keyword, {}).items():
            yield f"{path}.{keyword}.{name}", child
    for keyword in _LISTS:
        for i, child in enumerate(schema.get(keyword, [])):
            yield f"{path}.{keyword}[{i}]", child
    for keyword in _SINGLES:
        if keyword in schema:
            yield f"{path}.{keyword}", schema[keyword]


def _resolve(reference: str, root: Schema) -> Schema:
    found: Any = root
    for part in reference.removeprefix("#").strip("/").split("/") if reference != "#" else ():
        inside: Schema = cast("Schema", found) if isinstance(found, Mapping) else {}
        found = inside.get(part.replace("~1", "/").replace("~0", "~"))
    if not reference.startswith("#") or not isinstance(found, Mapping):
        raise ConfigurationError(f"The schema refers to {reference!r}, which it does not hold.")
    return cast("Schema", found)


def _compile(pattern: str, path: str) -> None:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ConfigurationError(f"{path}.pattern is no pattern: {error}.") from error


def _as_list(value: Any) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else [value]
