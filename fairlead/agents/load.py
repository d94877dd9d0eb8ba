"""Find what a project declares, in `fairlead.toml` or under `[tool.fairlead]` of pyproject.toml.

[project]
name = "log-triage"
[agents]
log_triage = "agent.py:agent"              # file:attribute, or package.module:attribute
[agents.nightly]                           # the long form, for callables
call = "jobs.nightly:run"
timeout_seconds = 600
[providers.simulated]
policy = "policy.py:triage"
[models.assistant]
targets = ["openai/gpt-5", "anthropic/claude-sonnet-4-5"]
[mcp.files]                                # an MCP server, as `agents.mcp` reads it
command = "mcp-server-files"
[ship]                                     # how it is shipped, as `ship.declared` reads it
[checklist]                                # how its checklists look at it, as `ship.checklist.declared` reads it
"""

from __future__ import annotations

import difflib
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

from fairlead.agents.load_code import forget_project_code, load_object
from fairlead.agents.spec import AgentSpec, Limits, spec_of
from fairlead.config import lend_keys
from fairlead.errors import ConfigurationError

FILE = "fairlead.toml"
_TOP = ("project", "agents", "providers", "models", "prices", "mcp", "ship", "checklist")
_PROJECT = ("name",)
_AGENT = ("call", "description", "timeout_seconds", "model_timeout_seconds", "budget_usd")


@dataclass(frozen=True, slots=True)
class Declaration:
    """What the file says, checked, with none of the project's code loaded."""

    name: str
    root: Path
    file: Path
    agents: Mapping[str, Mapping[str, Any]]  # each with at least `call`
    providers: Mapping[str, dict[str, Any]]
    models: Mapping[str, Any]  # as the gateway reads them: `parse_models`
    prices: Mapping[str, Any]  # and these: `parse_prices`
    mcp: Mapping[str, Any]  # as `agents.mcp` reads them: `parse_servers`
    ship: Mapping[str, Any]  # as `ship.declared` reads it: `parse_ship`
    checklist: Mapping[str, Any]  # as `ship.checklist.declared` reads it: `parse_checklist`


@dataclass(frozen=True, slots=True)
class Project:
    name: str
    root: Path
    file: Path
    agents: Mapping[str, AgentSpec]
    providers: Mapping[str, dict[str, Any]]

    def load(self, target: str) -> Any:
        """An object of the project's code, such as a provider's policy: "policy.py:triage"."""
        return load_object(self.root, target, declared_in=self.file)


def load_project(path: Path | str = ".") -> Project:
    """The project of a file, or of the folder or the nearest one above it. Its code is loaded afresh.

    Raises ConfigurationError that names the file, and the line where the project's code fails.
    """
    declared = read_declaration(path)
    lend_keys()
    forget_project_code(declared.root)
    agents = {name: _agent(name, entry, declared) for name, entry in declared.agents.items()}
    return Project(declared.name, declared.root, declared.file, agents, declared.providers)


def read_declaration(path: Path | str = ".") -> Declaration:
    """The project's file alone: nothing of its code runs."""
    file = find_declaration(Path(path))
    content, prefix, fallback = _read(file)
    _refuse_unknown(content, _TOP, prefix, file)
    project = _table(content, "project", prefix, file)
    _refuse_unknown(project, _PROJECT, f"{prefix}project.", file)
    agents = {
        name: _entry(entry, f"{prefix}agents.{name}", file)
        for name, entry in _table(content, "agents", prefix, file).items()
    }
    providers = _table(content, "providers", prefix, file)
    for name in providers:
        _table(providers, name, f"{prefix}providers.", file)
    models, prices = _table(content, "models", prefix, file), _table(content, "prices", prefix, file)
    mcp, ship = _table(content, "mcp", prefix, file), _table(content, "ship", prefix, file)
    checklist = _table(content, "checklist", prefix, file)
    name = str(project.get("name", fallback))
    return Declaration(name, file.parent, file, agents, providers, models, prices, mcp, ship, checklist)


def find_declaration(path: Path) -> Path:
    """The file that declares the project. Raises ConfigurationError when there is none."""
    start = path.expanduser().resolve()
    if start.is_file():
        return start
    for folder in (start, *start.parents):
        if (folder / FILE).is_file():
            return folder / FILE
        pyproject = folder / "pyproject.toml"
        if pyproject.is_file() and "fairlead" in _parse(pyproject).get("tool", {}):
            return pyproject
    raise ConfigurationError(
        f"There is no {FILE}, nor a pyproject.toml with [tool.fairlead], in {start} or above.",
        hint="Make one with `fairlead init`.",
    )


def _read(file: Path) -> tuple[dict[str, Any], str, str]:
    """The declaration, what stands before its keys, and the name to use when it gives none."""
    content = _parse(file)
    if file.name != "pyproject.toml":
        return content, "", file.parent.name
    tool = cast("dict[str, Any]", content.get("tool", {}))
    if "fairlead" not in tool:
        raise ConfigurationError(f"{file} has no [tool.fairlead].", hint="Add it, or make a fairlead.toml.")
    return tool["fairlead"], "tool.fairlead.", str(content.get("project", {}).get("name", file.parent.name))


def _parse(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{file} is no TOML: {error}.") from error
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be read: {error.strerror}.") from error


def _table(content: Mapping[str, Any], key: str, prefix: str, file: Path) -> dict[str, Any]:
    value = content.get(key, {})
    if not isinstance(value, dict):
        raise ConfigurationError(f"{file}: `{prefix}{key}` must be a table, and is {value!r}.")
    return cast("dict[str, Any]", value)


def _refuse_unknown(content: Mapping[str, Any], known: tuple[str, ...], prefix: str, file: Path) -> None:
    for key in content:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"Did you mean `{prefix}{near[0]}`?" if near else f"Known here: {', '.join(known)}."
            raise ConfigurationError(f"{file}: unknown key `{prefix}{key}`.", hint=hint)


def _entry(entry: Any, path: str, file: Path) -> dict[str, Any]:
    if isinstance(entry, str):
        return {"call": entry}
    if not isinstance(entry, dict) or not isinstance(cast("dict[str, Any]", entry).get("call"), str):
        raise ConfigurationError(
            f"{file}: `{path}` names nothing to call.", hint=f'Write {path.rpartition(".")[2]} = "agent.py:agent".'
        )
    table = cast("dict[str, Any]", entry)
    _refuse_unknown(table, _AGENT, f"{path}.", file)
    for key in _AGENT[2:]:
        value = table.get(key, 1)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < math.inf:
            raise ConfigurationError(f"{file}: `{path}.{key}` must be a positive number, and is {value!r}.")
    return table


def _agent(name: str, entry: Mapping[str, Any], declared: Declaration) -> AgentSpec:
    target = load_object(declared.root, entry["call"], declared_in=declared.file)
    try:
        spec = spec_of(name, target, _limits(entry), description=str(entry.get("description", "")))
        if unknown := [one for one in spec.mcp if one not in declared.mcp]:
            raise ConfigurationError(
                f"The agent `{name}` wants the MCP server `{unknown[0]}`, which is not declared.",
                hint=f"Declare it: [mcp.{unknown[0]}].",
            )
        return spec
    except ConfigurationError as error:
        raise ConfigurationError(f"{declared.file}: {error.message}", hint=error.hint) from error


def _limits(entry: Mapping[str, Any]) -> Limits | None:
    if not any(key in entry for key in _AGENT[2:]):
        return None
    default = Limits()
    return Limits(
        timeout=timedelta(seconds=entry.get("timeout_seconds", default.timeout.total_seconds())),
        model_timeout=timedelta(seconds=entry.get("model_timeout_seconds", default.model_timeout.total_seconds())),
        budget_usd=entry.get("budget_usd", default.budget_usd),
    )
