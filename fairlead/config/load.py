"""Read everything once: `.env`, `.env.local` over it, the environment over both, arguments over all.

Defaults are filled in after the merge: an empty value is "not given". Nothing is guessed: an unknown
FAIRLEAD_ name is refused, and all wrong values are named at once.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from urllib.parse import quote

from dotenv.parser import parse_stream
from pydantic import ValidationError

from fairlead.config.describe import PARTS, PREFIX, SettingDoc, describe_settings
from fairlead.config.lent_keys import LENT_KEY
from fairlead.config.parts import DatabaseSettings, Environment
from fairlead.config.required import missing_in_production
from fairlead.config.settings import Settings
from fairlead.errors import ConfigurationError, UnknownSetting

PROFILES: dict[str, dict[str, str]] = {
    "development": {"LOG_LEVEL": "DEBUG"},
    "testing": {"LOG_LEVEL": "INFO"},
    "staging": {"LOG_LEVEL": "WARNING"},
    "production": {"LOG_LEVEL": "ERROR"},
}
# Kubernetes describes a Service called "fairlead" to every pod beside it in variables of these forms.
_SERVICE_LINK = re.compile(r"\w+_SERVICE_(HOST|PORT(_\w+)?)|\w+_PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?")


@dataclass(frozen=True, slots=True)
class _Source:
    origin: str
    values: Mapping[str, Any]


def load_settings(*, root: Path | None = None, environ: Mapping[str, str] | None = None, **overrides: Any) -> Settings:
    """The settings of the project in `root` (the current folder).

    `overrides` carry setting names in small letters (`database_url=…`, `port=…`); None is "not given".
    Raises UnknownSetting for a name nobody knows and ConfigurationError for everything that is wrong or missing.
    """
    root = (root or Path.cwd()).resolve()
    sources = list(_sources(root, os.environ if environ is None else environ, overrides))
    docs = describe_settings()
    for source in sources:
        _refuse_unknown(source, docs)
    given = {doc.name: found for doc in docs if (found := _find(doc, sources))}
    values = {name: value for name, (value, _) in given.items()}
    profile = PROFILES.get(str(values.get("ENVIRONMENT", "development")), {})
    parts = _build(docs, {**profile, **values}, root)
    settings = Settings(
        root=root,
        **parts,
        origins={name: origin for name, (_, origin) in given.items()},
        _environ=_merged(sources),
    )
    _refuse_incomplete(settings)
    return settings


def _sources(root: Path, environ: Mapping[str, str], overrides: Mapping[str, Any]) -> Iterator[_Source]:
    """Weakest first."""
    for name in (".env", ".env.local"):
        yield _Source(name, _read_file(root / name))
    seen = {k: v for k, v in environ.items() if not _is_service_link(k, v) and v != LENT_KEY}
    yield _Source("environment", seen)
    yield _Source("argument", {PREFIX + k.upper(): v for k, v in overrides.items()})


def _read_file(path: Path) -> dict[str, str]:
    """No interpolation: a dollar in a password is a dollar."""
    try:
        with path.open(encoding="utf-8-sig") as file:
            lines = list(parse_stream(file))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} cannot be read: {error}.") from error
    for line in lines:
        if line.error:
            raise ConfigurationError(
                f"{path.name}, line {line.original.line}, is not NAME=value.", hint="Put # before a comment."
            )
    return {line.key: line.value or "" for line in lines if line.key}


def _is_service_link(name: str, value: str) -> bool:
    if not name.startswith(PREFIX):
        return False
    return bool(_SERVICE_LINK.fullmatch(name)) or (name.endswith("_PORT") and "://" in value)


def _refuse_unknown(source: _Source, docs: list[SettingDoc]) -> None:
    known = {name for doc in docs for name in (*doc.names, *(f"{name}_FILE" for name in doc.names if doc.secret))}
    for name in source.values:
        if name.startswith(PREFIX) and name not in known:
            nearest = get_close_matches(name, known, n=1, cutoff=0)
            shown = name.removeprefix(PREFIX).lower() if source.origin == "argument" else name
            raise UnknownSetting(
                f"There is no setting {shown} (given by {source.origin}).",
                hint=f"Did you mean {nearest[0]}? All settings are listed in docs/settings.md.",
            )


def _find(doc: SettingDoc, sources: list[_Source]) -> tuple[Any, str] | None:
    """The strongest source that gives it; within one source, the first of its names."""
    for source in reversed(sources):
        for name in doc.names:
            if (value := source.values.get(name)) not in (None, ""):
                return value, source.origin
            if doc.secret and (path := source.values.get(f"{name}_FILE")):
                return _read_secret(f"{name}_FILE", Path(path)), f"{source.origin} ({name}_FILE)"
    return None


def _read_secret(name: str, path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{name} names {path}, which cannot be read: {error}.") from error


def _merged(sources: list[_Source]) -> dict[str, str]:
    return {k: v for source in sources if source.origin != "argument" for k, v in source.values.items() if v}


def _build(docs: list[SettingDoc], values: Mapping[str, Any], root: Path) -> dict[str, Any]:
    """Each part validated; all mistakes of all parts in one error."""
    parts: dict[str, Any] = {}
    wrong: list[str] = []
    for part, model in PARTS.items():
        of_part = {doc.field: doc for doc in docs if doc.part == part}
        given = {field: values[doc.name] for field, doc in of_part.items() if doc.name in values}
        try:
            parts[part] = model.model_validate(given)
        except ValidationError as error:
            wrong += _sentences(error, of_part)
    if wrong:
        raise ConfigurationError(" ".join(wrong), hint="See docs/settings.md.")
    parts["database"] = _under(root, parts["database"])
    return parts


def _sentences(error: ValidationError, docs: Mapping[str, SettingDoc]) -> Iterator[str]:
    for problem in error.errors(include_url=False, include_input=False, include_context=False):
        reason = problem["msg"].removeprefix("Value error, ")
        doc = docs.get(str(problem["loc"][0])) if problem["loc"] else None
        yield f"{doc.name}: {reason} ({doc.kind})." if doc else f"{reason}."


def _under(root: Path, database: DatabaseSettings) -> DatabaseSettings:
    """Relative paths are relative to the project, not to wherever the command was typed."""
    update: dict[str, Any] = {"blob_dir": root / database.blob_dir}
    if database.is_sqlite:
        update["url"] = f"sqlite:///{quote(str(root / database.sqlite_path))}"
    return database.model_copy(update=update)


def _refuse_incomplete(settings: Settings) -> None:
    if settings.app.environment is Environment.PRODUCTION and (missing := missing_in_production(settings)):
        raise ConfigurationError(
            "Production needs more than it was given: " + "; ".join(missing) + ".",
            hint="Set them in the environment, or choose another ENVIRONMENT.",
        )
