"""Structured output: ask for a shape, and hold the answer to it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, cast

import orjson
from pydantic import TypeAdapter, ValidationError
from pydantic.errors import PydanticSchemaGenerationError

from fairlead.agents.jsonable import plain
from fairlead.agents.schema import check_schema, find_problems
from fairlead.agents.signature import describe
from fairlead.errors import ConfigurationError, InvalidInput

_FENCE = re.compile(r"\s*```(?:json)?\s*\n(.*?)\n?\s*```\s*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class OutputShape:
    """A JSON schema, and how to hold a value to it."""

    schema: Mapping[str, Any]
    adapter: TypeAdapter[Any] | None = field(repr=False, default=None)

    @classmethod
    def of(cls, shape: Any, who: str) -> OutputShape:
        """From a JSON schema or a type. Raises ConfigurationError when it is neither."""
        if isinstance(shape, Mapping):
            schema = dict(cast("Mapping[str, Any]", shape))
            try:
                check_schema(schema, schema)
            except ConfigurationError as error:
                raise ConfigurationError(f"The output schema of {who}: {error.message}", hint=error.hint) from error
            return cls(schema)
        try:
            adapter: TypeAdapter[Any] = TypeAdapter(shape)
            return cls(adapter.json_schema(), adapter)
        except (PydanticSchemaGenerationError, ValueError, TypeError) as error:
            raise ConfigurationError(
                f"The output schema of {who} is {shape!r}.", hint="Give a JSON schema or a pydantic model."
            ) from error

    @property
    def response_format(self) -> dict[str, Any]:
        name = re.sub(r"[^A-Za-z0-9_-]", "_", str(self.schema.get("title") or "output"))[:64]
        return {"type": "json_schema", "json_schema": {"name": name, "schema": dict(self.schema)}}

    def parse(self, text: str) -> Any:
        """The object in the text. Raises InvalidInput, in words for the model."""
        fenced = _FENCE.fullmatch(text)  # models wrap JSON in a fence when they are not held to the format
        try:
            value = orjson.loads(fenced[1] if fenced else text)
        except orjson.JSONDecodeError as error:
            raise InvalidInput(f"The answer is not JSON: {error}.") from error
        return self.hold(value)

    def hold(self, value: Any) -> Any:
        """The value, plain, if it has the shape. Raises InvalidInput otherwise."""
        if self.adapter is None:
            if found := list(islice(find_problems(value, self.schema, self.schema), 5)):
                raise InvalidInput(f"The answer does not fit: {'; '.join(found)}.")
            return value
        try:
            return plain(self.adapter.dump_python(self.adapter.validate_python(value), mode="json"))
        except ValidationError as error:
            raise InvalidInput(f"The answer does not fit: {describe(error)}.") from error
