"""Read everything once: `.env`, `.env.local` over it, the environment over both, arguments over all.

Defaults are filled in after the merge: an empty value is "not given". Nothing is guessed: an unknown
FAIRLEAD_ name is refused, and all wrong values are named at once.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from urllib.parse import quote

from dotenv.parser import parse_stream
from pydantic import ValidationError

from fairlead.clock import Clock, SystemClock
from fairlead.config.describe import PARTS, PREFIX, SettingDoc, describe_settings
from fairlead.config.environments import PROFILES
from fairlead.config.lent_keys import LENT_KEY
from fairlead.config.parts import DatabaseSettings, Environment
from fairlead.config.required import Role, refuse_incomplete
from fairlead.config.secrets import Reference, Secrets, finder_of, parse_reference
from fairlead.config.secrets.held import Part
from fairlead.config.settings import Settings
from fairlead.errors import ConfigurationError, FairleadError, SecretUnavailable, UnknownSetting

# Kubernetes describes a Service called "fairlead" to every pod beside it in variables of these forms.
_SERVICE_LINK = re.compile(r"\w+_SERVICE_(HOST|PORT(_\w+)?)|\w+_PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?")


@dataclass(frozen=True, slots=True)
class _Source:
    origin: str
    values: Mapping[str, Any]


def load_settings(
    *,
    root: Path | None = None,
    environ: Mapping[str, str] | None = None,
    needed_by: Sequence[Role] | None = (),
    clock: Clock | None = None,
    **overrides: Any,
) -> Settings:
    """The settings of the project in `root` (the current folder).

    `overrides` carry setting names in small letters (`database_url=…`, `port=…`); None is "not given". `needed_by`: in
    production all must be there that these roles need; None: nothing must.
    Raises UnknownSetting for a name nobody knows, ConfigurationError for everything that is wrong or missing, and
    SecretUnavailable when a secret manager can't be asked.
    """
    root = (root or Path.cwd()).resolve()
    sources = list(_sources(root, os.environ if environ is None else environ, overrides))
    docs = describe_settings()
    for source in sources:
        _refuse_unknown(source, docs)
    given = {doc.name: found for doc in docs if (found := _find(doc, sources))}
    vault = _opened(docs, given, _merged(sources), root, clock or SystemClock())
    values = {name: value for name, (value, _) in given.items()}
    defaults = _defaults(str(values.get("ENVIRONMENT", "development")))
    parts = _build(docs, {**defaults, **values}, root)
    settings = Settings(
        root=root,
        **parts,
        origins={name: origin for name, (_, origin) in given.items()},
        defaults=frozenset(defaults),
        vault=vault,
        _environ=_merged(sources),
    )
    vault.finder.keep = settings.secrets.ttl
    for doc in docs:
        if vault.get(doc.name):
            vault.check(doc.name, _normal_form(doc))
    for word in settings.secret_values():
        vault.keep_quiet(word)
    if needed_by is not None:
        refuse_incomplete(settings, *needed_by)
    return settings


def _defaults(environment: str) -> Mapping[str, str]:
    """Of no known environment: none, and its name is refused with everything else that is wrong."""
    return PROFILES[Environment(environment)].defaults if environment in list(Environment) else {}


def _opened(
    docs: list[SettingDoc], given: dict[str, tuple[Any, str]], environ: Mapping[str, str], root: Path, clock: Clock
) -> Secrets:
    """The secrets, each fetched from where its setting refers to; in `given` they take the place of the references.
    Raises with all that can't be had at once."""
    known = {**environ, **{name: str(value) for name, (value, _) in given.items() if name == "AWS_REGION"}}
    vault = Secrets(finder_of(known, root=root, clock=clock), clock=clock)
    wrong: list[FairleadError] = []
    secret = [doc for doc in docs if doc.secret and isinstance(given.get(doc.name, (None,))[0], str | Reference)]
    for doc in sorted(secret, key=lambda one: not one.name.startswith("AWS_")):  # what opens a manager comes first
        value, origin = given[doc.name]
        try:
            parts = _parts_of(doc, value)
            text = vault.hold(doc.name, parts).value
        except FairleadError as error:
            wrong.append(type(error)(f"{doc.name}, given by {origin}: {error.message}", hint=error.hint))
            continue
        known[doc.name] = text
        places = [str(part) for part in parts if isinstance(part, Reference)]
        given[doc.name] = text, f"{origin}: {', '.join(places)}" if places else origin
    if wrong:
        kinds = [type(error) for error in wrong]
        kind = SecretUnavailable if all(issubclass(one, SecretUnavailable) for one in kinds) else ConfigurationError
        raise kind(" ".join(error.message for error in wrong), hint=wrong[0].hint)
    return vault


def _normal_form(doc: SettingDoc) -> Callable[[str], str]:
    """What its part makes of a later value; a `ValueError` for one that it would refuse at the start."""
    model = PARTS[doc.part]

    def check(text: str) -> str:
        try:
            made: Any = getattr(model.model_validate({doc.field: text}), doc.field)
        except ValidationError:
            raise ValueError(f"can't be used as {doc.name}") from None
        return made if isinstance(made, str) else text

    return check


def _parts_of(doc: SettingDoc, value: str | Reference) -> list[Part]:
    """A list may have several references, and values between them."""
    if isinstance(value, Reference):
        return [value]
    text: str = value
    ours = [parse_reference(one.strip()) or one for one in text.split(",")] if "list" in doc.kind else []
    parts: list[Part] = ours if any(isinstance(one, Reference) for one in ours) else [parse_reference(text) or text]
    if doc.name.startswith("AWS_") and any(isinstance(one, Reference) and one.kind == "aws" for one in parts):
        raise ConfigurationError("what opens a secret manager can't be kept in it.", hint="Use file:PATH, or a role.")
    return parts


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
                return Reference("file", path), f"{source.origin} ({name}_FILE)"
    return None


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
