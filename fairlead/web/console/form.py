"""A form made from a JSON schema: its fields, what stands in them, and the value that they come to.

    schema ──► layout ──► typed texts ──► a value, or what is wrong with which field
                 ▲                           │
                 └────────── fill ◄──────────┘   the same value typed again

What a form cannot ask field by field is one field of JSON.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as made
from enum import StrEnum
from typing import Any, cast

import orjson

from fairlead.agents.files import file_id_of
from fairlead.agents.schema import check_schema, find_problems
from fairlead.agents.spec import AgentSpec
from fairlead.errors import ConfigurationError
from fairlead.web.console import reading
from fairlead.web.console.headline import content_text
from fairlead.web.console.language import N_

Schema = Mapping[str, Any]
Typed = Mapping[str, str]
Blocks = Mapping[str, Sequence[Mapping[str, Any]]]  # of files, by field
_LONG = frozenset((
    "body", "content", "description", "document", "instructions", "message", "prompt", "question", "task", "text",
    "wishes",
))  # fmt: skip
_LONGER_THAN = 200
_ABSENT = object()


class Kind(StrEnum):
    LINE = "line"
    LONG = "long"
    INTEGER = "integer"
    NUMBER = "number"
    SWITCH = "switch"
    CHOICE = "choice"
    JSON = "json"
    FILES = "files"
    FILE = "file"


class Shape(StrEnum):
    CHAT = "chat"  # a message, and files that go with it
    FIELDS = "fields"  # an object, property by property
    ONE = "one"  # a single value
    JSON = "json"  # whatever one writes


@dataclass(frozen=True, slots=True)
class Field:
    """`name` is of the form, `key` of the property."""

    name: str
    key: str
    label: str
    kind: Kind
    required: bool = False
    description: str = ""
    choices: tuple[str, ...] = ()
    values: tuple[Any, ...] = ()  # of the choices
    default: Any = _ABSENT
    hint: str = ""
    ours: bool = False  # the label is, and is translated; a label of somebody's schema stands as it is

    @property
    def given(self) -> str:
        """What stands in it before anybody has typed."""
        if self.default is _ABSENT or self.default is None:
            return ""
        return text_of(self.default, self)


@dataclass(frozen=True, slots=True)
class Layout:
    shape: Shape
    fields: tuple[Field, ...]
    schema: Schema | None


def layout_of(spec: AgentSpec, *, raw: bool = False) -> Layout:
    """How to ask for this agent's input; `raw`: as JSON, whatever its schema."""
    schema = spec.input_schema
    whole = Field("in", "", N_("Input"), Kind.JSON, required=True, ours=True)
    if raw:
        return Layout(Shape.JSON, (whole,), schema)
    if spec.native is not None:
        message = Field("in", "", N_("Message"), Kind.LONG, required=True, ours=True)
        return Layout(Shape.CHAT, (message, Field("in-files", "", N_("Files"), Kind.FILES, ours=True)), None)
    if schema is None:
        return Layout(Shape.JSON, (whole,), None)
    return layout_of_schema(schema, "in")


def layout_of_schema(schema: Schema, prefix: str) -> Layout:
    here = _resolved(schema, schema)
    properties = reading.mapping(here, "properties")
    if here.get("type") == "object" and properties:
        required = here.get("required", [])
        fields = [_field(f"{prefix}.{key}", key, one, schema, key in required) for key, one in properties.items()]
        return Layout(Shape.FIELDS, tuple(fields), schema)
    if here.get("type") == "object":
        return Layout(Shape.JSON, (Field(prefix, "", N_("Input"), Kind.JSON, required=True, ours=True),), schema)
    return Layout(Shape.ONE, (_field(prefix, "", schema, schema, True),), schema)


def _field(name: str, key: str, given: Any, root: Schema, required: bool) -> Field:
    schema, optional = _resolved(given, root), False
    forms = [_resolved(one, root) for one in reading.items(schema, "anyOf")]
    real = [one for one in forms if one.get("type") != "null"]
    if len(real) == 1:
        optional, schema = len(forms) > 1, {**schema, **real[0]}
    choices = tuple(schema["enum"]) if "enum" in schema else (schema["const"],) if "const" in schema else ()
    return Field(
        name=name,
        key=key,
        label=reading.text(schema, "title") if key == "" else _label(schema, key),
        kind=_kind(schema, key, choices),
        required=required and not optional,
        description=reading.text(given, "description") or reading.text(schema, "description"),
        choices=tuple(one if isinstance(one, str) else dump(one) for one in choices),
        values=choices,
        default=schema.get("default", _ABSENT),
        hint=_hint(schema),
    )


def _label(schema: Schema, key: str) -> str:
    return reading.text(schema, "title") or key


def _kind(schema: Schema, key: str, choices: tuple[Any, ...]) -> Kind:
    if schema.get("format") == "file":
        return Kind.FILE
    match schema.get("type"):
        case _ if choices:
            return Kind.CHOICE
        case "array" if key == "files":
            return Kind.FILES
        case "string":
            short = schema.get("maxLength", _LONGER_THAN + 1) <= _LONGER_THAN or "format" in schema
            return Kind.LINE if short else Kind.LONG
        case "integer":
            return Kind.INTEGER
        case "number":
            return Kind.NUMBER
        case "boolean":
            return Kind.SWITCH
        case _:
            return Kind.JSON


def _hint(schema: Schema) -> str:
    least, most = schema.get("minimum", schema.get("minLength")), schema.get("maximum", schema.get("maxLength"))
    if reading.number(schema, "minimum") is not None and reading.number(schema, "maximum") is not None:
        return f"{least} – {most}"
    if reading.number(schema, "minimum") is not None:
        return f"≥ {least}"
    return f"≤ {most}" if reading.number(schema, "maximum") is not None else reading.text(schema, "format")


def _resolved(schema: Any, root: Schema) -> dict[str, Any]:
    """The schema that a reference leads to; an unknown one takes anything."""
    here = reading.mapping(schema)
    for _ in range(20):
        parts = reading.mapping(here).get("allOf", [])
        reference = reading.text(here, "$ref") or (reading.text(parts[0], "$ref") if len(parts) == 1 else "")
        if not reference:
            return here
        found: Any = root
        for part in reference.removeprefix("#").strip("/").split("/"):
            found = reading.at(found, part)
        about = {name: value for name, value in here.items() if name not in ("$ref", "allOf")}
        here = {**reading.mapping(found), **about}
    return {}


# -- what stands in the fields


def fresh(layout: Layout) -> dict[str, str]:
    """As nobody has typed yet."""
    return {field.name: field.given for field in layout.fields}


def fill(layout: Layout, value: Any) -> dict[str, str] | None:
    """What one would type to get this value; None: these fields cannot say it."""
    match layout.shape:
        case Shape.JSON:
            return {layout.fields[0].name: dump(value, pretty=True)}
        case Shape.CHAT:
            return _fill_chat(layout, value)
        case Shape.ONE:
            return {layout.fields[0].name: text_of(value, layout.fields[0])}
        case Shape.FIELDS:
            known = {field.key for field in layout.fields}
            if not isinstance(value, dict) or not set(cast("dict[str, Any]", value)) <= known:
                return None
            given = cast("dict[str, Any]", value)
            return {
                one.name: text_of(given[one.key], one) if one.key in given else "no" if one.kind is Kind.SWITCH else ""
                for one in layout.fields
            }


def _fill_chat(layout: Layout, value: Any) -> dict[str, str] | None:
    message, files = layout.fields
    if isinstance(value, str):
        return {message.name: value, files.name: ""}
    said = reading.items(value, "messages")
    if len(said) != 1 or set(reading.mapping(value)) != {"messages"} or reading.text(said[0], "role") != "user":
        return None
    content = reading.at(said[0], "content")
    named = [found for part in reading.items(content) if (found := file_id_of(part))]
    if isinstance(content, list) and len(cast("list[Any]", content)) != len(named) + 1:
        return None
    return {message.name: content_text(content), files.name: " ".join(named)}


def text_of(value: Any, field: Field) -> str:
    if field.kind is Kind.SWITCH:
        return "yes" if value is True else "no"
    if field.kind in (Kind.FILE, Kind.FILES):
        blocks = cast("list[Any]", value) if isinstance(value, list) else [value]
        return " ".join(found for one in blocks if (found := file_id_of(one)))
    if value is None:
        return ""
    if isinstance(value, str) and field.kind is not Kind.JSON:
        return value
    return dump(value, pretty=field.kind is Kind.JSON)


def dump(value: Any, *, pretty: bool = False) -> str:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2 if pretty else 0, default=str).decode()


# -- what they come to


@dataclass(frozen=True, slots=True)
class Problem:
    """A sentence with named places."""

    text: str
    places: Mapping[str, Any] = made(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Read:
    """`problems`: by field; under "" what is wrong with the whole."""

    value: Any
    problems: Mapping[str, Problem]


class _Wrong(Exception):
    def __init__(self, text: str, **places: Any) -> None:
        super().__init__(text)
        self.problem = Problem(text, places)


def read(layout: Layout, typed: Typed, files: Blocks | None = None) -> Read:
    """The value that the fields come to, held to the schema."""
    blocks, problems = files or {}, dict[str, Problem]()
    values: dict[str, Any] = {}
    for field in layout.fields:
        try:
            found = _value(field, typed.get(field.name, ""), blocks.get(field.name, ()))
        except _Wrong as wrong:
            problems[field.name] = wrong.problem
            continue
        if found is not _ABSENT:
            values[field.key] = found
    value = _whole(layout, values, blocks)
    if not problems and layout.schema is not None:
        problems = _held(layout, value)
    return Read(value, problems)


def _whole(layout: Layout, values: dict[str, Any], blocks: Blocks) -> Any:
    match layout.shape:
        case Shape.FIELDS:
            return values
        case Shape.CHAT:
            sent = list(blocks.get(layout.fields[1].name, ()))
            text = values.get("", "")
            if not sent:
                return text
            return {"messages": [{"role": "user", "content": [{"type": "text", "text": text}, *sent]}]}
        case Shape.ONE | Shape.JSON:
            return values.get("")


def _value(field: Field, text: str, blocks: Sequence[Mapping[str, Any]]) -> Any:
    """Raises `_Wrong`."""
    if field.kind is Kind.FILES:
        return _ABSENT if not blocks or not field.key else list(blocks)
    if field.kind is Kind.FILE:
        if not blocks and field.required:
            raise _Wrong(N_("Choose a file."))
        return blocks[0] if blocks else _ABSENT
    if field.kind is Kind.SWITCH:
        return text == "yes"
    plain = text.replace("\r\n", "\n")
    if not plain.strip():
        if field.required:
            raise _Wrong(N_("This is needed."))
        cleared = field.kind in (Kind.LINE, Kind.LONG) and isinstance(field.default, str) and field.default
        return "" if cleared else _ABSENT
    return _parsed(field, plain)


def _parsed(field: Field, text: str) -> Any:
    match field.kind:
        case Kind.INTEGER:
            if not re.fullmatch(r"\s*[+-]?[0-9]{1,18}\s*", text):
                raise _Wrong(N_("This is no whole number."))
            return int(text)
        case Kind.NUMBER:
            if not re.fullmatch(r"\s*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?\s*", text):
                raise _Wrong(N_("This is no number."))
            number = float(text)
            if number in (float("inf"), float("-inf")):
                raise _Wrong(N_("This is no number."))
            return int(number) if number.is_integer() and abs(number) < 2**53 and "." not in text else number
        case Kind.CHOICE:
            if text not in field.choices:
                raise _Wrong(N_("Choose one of the list."))
            return field.values[field.choices.index(text)]
        case Kind.JSON:
            return read_json(text)
        case _:
            return text


def read_json(text: str) -> Any:
    """Raises `_Wrong`, which says where it stops being JSON."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        said = N_("This is no JSON: see line %(line)s, column %(column)s. A text goes in quotes.")
        raise _Wrong(said, line=error.lineno, column=error.colno) from None


def read_object(text: str) -> tuple[dict[str, Any], Problem | None]:
    """An object typed as JSON, nothing typed being an empty one; and what is wrong with it."""
    if not text.strip():
        return {}, None
    try:
        value = read_json(text)
    except _Wrong as wrong:
        return {}, wrong.problem
    if not isinstance(value, dict):
        return {}, Problem(N_("This must be an object: {…}."))
    return cast("dict[str, Any]", value), None


def problems_of(spec: AgentSpec, value: Any) -> list[Problem]:
    """What is wrong with a value that was typed into another agent's form."""
    if spec.input_schema is None:
        return []
    layout = Layout(Shape.JSON, (), spec.input_schema)
    return list(_held(layout, value).values())


def _held(layout: Layout, value: Any) -> dict[str, Problem]:
    schema = layout.schema or {}
    try:
        check_schema(schema, schema)
    except ConfigurationError:
        return {}  # a schema that we cannot hold it to: the agent will
    problems: dict[str, Problem] = {}
    for problem in find_problems(value, schema, schema):
        path, _, rest = problem.removeprefix("`").partition("`")
        key = re.split(r"[.\[]", path.removeprefix("$").lstrip("."), maxsplit=1)[0]
        field = next((one for one in layout.fields if one.key == key), None)
        inner = path.removeprefix(f"$.{key}").lstrip(".") if field is not None and key else path.removeprefix("$.")
        said = Problem("%(problem)s", {"problem": f"{inner} {rest.strip()}".strip()})
        problems.setdefault(field.name if field else "", said)
    return problems
