"""Where suites are, and how a case is written into one: its comments and its order stay."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import orjson
import yaml

from fairlead.errors import ConfigurationError, Conflict, NotFound
from fairlead.ship.evaluation.suite_name import FOLDER, check_suite
from fairlead.whole_file import write_whole

_ENDINGS = (".yaml", ".yml", ".json")


def find_suite(root: Path, name: str) -> Path:
    """Raises `InvalidInput`, `NotFound`."""
    check_suite(name)
    for ending in _ENDINGS:
        if (path := root / FOLDER / f"{name}{ending}").is_file():
            return path
    there = sorted(path.stem for path in (root / FOLDER).glob("*") if path.suffix in _ENDINGS)
    hint = f"There are: {', '.join(there)}." if there else f"Write {FOLDER}/{name}.yaml."
    raise NotFound(f"There is no suite {name} in {root / FOLDER}.", hint=hint)


def read_text(path: Path) -> str:
    """Raises `ConfigurationError`."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path} is no text in UTF-8.") from error
    except OSError as error:
        raise ConfigurationError(f"{path} can't be read: {error.strerror}.") from error


def agent_of(path: Path) -> str:
    """Raises `ConfigurationError`."""
    return str(_read(read_text(path), path).get("agent"))


def has_case(path: Path, name: str) -> bool:
    """Raises `ConfigurationError`."""
    cases: list[dict[str, Any]] = _read(read_text(path), path).get("cases") or []
    return any(one.get("name") == name for one in cases)


def add_case(path: Path, case: Mapping[str, Any]) -> None:
    """Write it behind the others. The file is replaced whole, or left as it was. Raises `Conflict` when there is a case
    of this name, `ConfigurationError` when the file can't take one."""
    text = read_text(path)
    told = _read(text, path)
    written = with_case(text, case)
    before, after = told, _read(written, path)
    cases: list[dict[str, Any]] = before.get("cases") or []
    if any(one.get("name") == case["name"] for one in cases):
        raise Conflict(f"{path} has a case {case['name']} already.", hint="Give it another name: --name.")
    if after != {**before, "cases": [*cases, dict(case)]}:
        raise ConfigurationError(f"{path} is written in a way that no case can be added to.", hint="Add it by hand.")
    write_whole(path, written.encode())


def with_case(text: str, case: Mapping[str, Any]) -> str:
    """The text with one more case in its list. JSON is YAML too. Raises `ConfigurationError`."""
    cases = _cases_of(text)
    start, end = cases.start_mark.index, cases.end_mark.index
    if cases.flow_style:
        # "[]" of a YAML file too: what is written in brackets stays in brackets.
        inside = text[start + 1 : end - 1].rstrip().removesuffix(",")
        more = orjson.dumps(case).decode()
        return f"{text[: start + 1]}{inside}{',' if cases.value else ''}\n    {more}\n  ]{text[end:]}"
    place = _line_after(text, _end_of(cases.value[-1]))
    indent = " " * cases.start_mark.column
    block = yaml.safe_dump([dict(case)], sort_keys=False, allow_unicode=True, width=100)
    more = "".join(indent + line for line in block.splitlines(keepends=True))
    return text[:place] + ("" if text[:place].endswith("\n") else "\n") + more + text[place:]


def _end_of(node: Any) -> int:
    """Where its last word ends: what is said to be the end of a block is where the next one begins."""
    inside: list[Any] = [] if isinstance(node, yaml.ScalarNode) or node.flow_style else node.value
    if not inside:
        return int(node.end_mark.index)
    return _end_of(inside[-1][1] if isinstance(node, yaml.MappingNode) else inside[-1])


def _line_after(text: str, place: int) -> int:
    if text[:place].endswith("\n"):
        return place
    end = text.find("\n", place)
    return len(text) if end < 0 else end + 1


def _cases_of(text: str) -> Any:
    root: Any = yaml.compose(text, Loader=yaml.SafeLoader)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    for key, value in root.value if isinstance(root, yaml.MappingNode) else ():
        if key.value == "cases" and isinstance(value, yaml.SequenceNode):
            return value
    raise ConfigurationError("The suite has no list of cases.", hint="Write `cases: []` in it first.")


def _read(text: str, path: Path) -> dict[str, Any]:
    try:
        told: Any = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{path}: no YAML: {error}.") from error
    if not isinstance(told, dict):
        raise ConfigurationError(f"{path} is no suite.", hint="It begins with `agent:` and `cases:`.")
    return cast("dict[str, Any]", told)
