"""A tool's face to the model: JSON schema and validation, read from a function's hints and docstring."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, NotRequired, get_type_hints

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.errors import PydanticSchemaGenerationError, PydanticUndefinedAnnotation
from typing_extensions import TypedDict

from fairlead.agents.context import Context, ToolContext
from fairlead.agents.jsonable import plain
from fairlead.errors import ConfigurationError, InvalidInput, NotJson

_SECTION = re.compile(r"^\s*(Args|Arguments|Parameters|Returns?|Raises|Yields|Examples?)\s*:\s*$", re.MULTILINE)
_GOOGLE = re.compile(r"^(\s+)(\w+)(?:\s*\([^)]*\))?\s*:\s*(\S.*)$")
_SPHINX = re.compile(r"^\s*:param\s+(?:[\w\[\], |]+\s+)?(\w+)\s*:\s*(.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Signature:
    """What a function takes, apart from the context parameter."""

    description: str
    schema: Mapping[str, Any]
    adapter: TypeAdapter[dict[str, Any]]
    context_parameter: str | None
    names: tuple[str, ...]

    def validate(self, arguments: Any) -> dict[str, Any]:
        """The arguments as the function wants them. Raises InvalidInput, saying what is wrong with each."""
        try:
            return self.adapter.validate_python(arguments)
        except ValidationError as error:
            raise InvalidInput(f"Wrong arguments: {describe(error)}.") from error


def read_signature(fn: Callable[..., Any], *, name: str) -> Signature:
    """Raises ConfigurationError when the function cannot be offered as a tool."""
    hints = _hints(fn, name)
    text, described = _read_docstring(inspect.getdoc(fn) or "")
    context_parameter: str | None = None
    fields: dict[str, Any] = {}
    defaults: dict[str, Any] = {}
    for parameter in inspect.signature(fn).parameters.values():
        if _wants_context(parameter, hints, name):
            context_parameter = parameter.name
            continue
        fields[parameter.name] = _field(parameter, hints, described, name)
        if parameter.default is not inspect.Parameter.empty:
            defaults[parameter.name] = parameter.default
    adapter = _adapter(fields, name)
    return Signature(text, _schema(adapter, defaults), adapter, context_parameter, tuple(fields))


def describe(error: ValidationError) -> str:
    """pydantic's findings in one line, without its addresses."""
    found: list[str] = []
    for one in error.errors(include_url=False, include_context=False, include_input=False):
        where = ".".join(str(part) for part in one["loc"])
        found.append(f"`{where}`: {one['msg']}" if where else str(one["msg"]))
    return "; ".join(found)


def _hints(fn: Callable[..., Any], name: str) -> dict[str, Any]:
    target = fn if inspect.isroutine(fn) else type(fn).__call__
    try:
        return get_type_hints(target, include_extras=True)
    except NameError as error:
        raise ConfigurationError(
            f"The tool `{name}` has a type hint that cannot be read: {error}.",
            hint="Import the type where the tool is defined, not only under TYPE_CHECKING.",
        ) from error


def _wants_context(parameter: inspect.Parameter, hints: Mapping[str, Any], name: str) -> bool:
    hint = hints.get(parameter.name)
    if hint is Context:
        raise ConfigurationError(
            f"The tool `{name}` asks for the run's Context.",
            hint="A tool is one step: it receives a ToolContext. Use a callable agent for work of several steps.",
        )
    return hint is ToolContext or (parameter.name == "ctx" and hint is None)


def _field(parameter: inspect.Parameter, hints: Mapping[str, Any], described: Mapping[str, str], name: str) -> Any:
    if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD, parameter.POSITIONAL_ONLY):
        raise ConfigurationError(
            f"The tool `{name}` has the parameter `{parameter}`, which a model cannot fill.",
            hint="Give every parameter a name and a type.",
        )
    if parameter.name == "self":
        raise ConfigurationError(
            f"The tool `{name}` is a method without its object.", hint="Use `tool(instance.method)` instead."
        )
    hint = hints.get(parameter.name, Any)
    if text := described.get(parameter.name):
        hint = Annotated[hint, Field(description=text)]
    return hint if parameter.default is inspect.Parameter.empty else NotRequired[hint]


def _adapter(fields: dict[str, Any], name: str) -> TypeAdapter[dict[str, Any]]:
    # A TypedDict, because a model would refuse parameters named like its own methods.
    shape: Any = TypedDict(name, fields)  # pyright: ignore[reportGeneralTypeIssues, reportArgumentType]
    shape.__pydantic_config__ = ConfigDict(extra="forbid")
    try:
        return TypeAdapter(shape)
    except (PydanticSchemaGenerationError, PydanticUndefinedAnnotation) as error:
        raise ConfigurationError(
            f"The tool `{name}` has a parameter whose type JSON cannot fill: {error}.",
            hint="Use strings, numbers, booleans, lists, dicts, dataclasses or pydantic models.",
        ) from error


def _schema(adapter: TypeAdapter[dict[str, Any]], defaults: Mapping[str, Any]) -> dict[str, Any]:
    schema = adapter.json_schema()
    properties = schema.setdefault("properties", {})
    schema.pop("title", None)
    for name, one in properties.items():
        one.pop("title", None)
        if defaults.get(name) is not None:
            _show_default(one, defaults[name])
    return schema


def _show_default(schema: dict[str, Any], default: Any) -> None:
    try:
        schema["default"] = plain(default)
    except NotJson:
        pass  # a default the model could not write is not worth showing


def _read_docstring(doc: str) -> tuple[str, dict[str, str]]:
    """The text before the first section, and what is said of each parameter (Google or Sphinx style)."""
    described = {match[1]: match[2].strip() for match in _SPHINX.finditer(doc)}
    first = min((m.start() for m in (_SECTION.search(doc), _SPHINX.search(doc)) if m), default=len(doc))
    section = re.search(r"^\s*(?:Args|Arguments|Parameters)\s*:\s*$", doc, re.MULTILINE)
    if section:
        described |= _read_arguments(doc[section.end() :].splitlines())
    return doc[:first].strip(), described


def _read_arguments(lines: list[str]) -> dict[str, str]:
    described: dict[str, str] = {}
    indent, current = "", ""
    for line in lines:
        if line.strip() and not line.startswith((" ", "\t")):
            break
        match = _GOOGLE.match(line)
        if match and (not indent or match[1] == indent):
            indent, current = match[1], match[2]
            described[current] = match[3].strip()
        elif current and line.strip():
            described[current] += f" {line.strip()}"
    return described
