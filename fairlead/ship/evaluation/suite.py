"""A suite: `evaluations/NAME.yaml` (or .yml, .json) of a project. pydantic-evals' Dataset, and four keys of ours:

agent: assistant              # whom the cases are put to
trials: 3                     # of each case; default: as few as the suite can pass with
timeout: 300                  # seconds after which an answer is given up
scorers: [scorers.py:Polite]  # the project's own, by their class names below
cases:
  - name: five-words          # default: Case 1, …
    inputs: How long is this sentence?
    expected_output: That is 5 words.
    evaluators: [Contains]    # of this case, beside those of all
evaluators: [Exact]
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, cast

import orjson
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_evals import Dataset
from pydantic_evals.evaluators import Evaluator

from fairlead.errors import ConfigurationError, FairleadError
from fairlead.ship.evaluation.kept import KeptCase
from fairlead.ship.evaluation.scorers import OURS, AnyEvaluator, compares, is_usable
from fairlead.ship.evaluation.suite_file import read_text

LoadObject = Callable[[str], Any]
"""What "file.py:name" of the project stands for."""


@dataclass(frozen=True, slots=True)
class Case:
    """`digest`: of all that is said of it, and of the scorers of all cases. `kept`: see `Outcome`."""

    name: str
    digest: str
    inputs: Any
    expected_output: Any
    metadata: Any
    scorers: tuple[AnyEvaluator, ...]
    kept: str = ""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A kept case that can't be put to anybody, and why."""

    name: str
    run_id: str
    why: str


@dataclass(frozen=True, slots=True)
class Suite:
    """`trials`: None where the file leaves it open. `timeout` is in seconds. `digest`: of the file and its kept
    cases."""

    name: str
    agent: str
    trials: int | None
    timeout: float
    digest: str
    cases: tuple[Case, ...]
    left_out: tuple[LeftOut, ...] = ()


class _Head(BaseModel):
    """What the file says beside pydantic-evals' own."""

    model_config = ConfigDict(strict=True, hide_input_in_errors=True)

    agent: Annotated[str, Field(min_length=1)]
    trials: Annotated[int, Field(ge=1, le=1000)] | None = None
    timeout: Annotated[float, Field(gt=0, le=86_400)] = 300.0
    scorers: list[str] = Field(default_factory=list[str])


def load_suite(path: Path, load: LoadObject, *, kept: Sequence[KeptCase] = ()) -> Suite:
    """With the `kept` cases behind those of the file. Raises `NotFound`, and `ConfigurationError` that names the
    place."""
    told = _as_json(parse(path, read_text(path)), path)
    kept, left_out = _fitting(kept, told, path)
    told |= {"cases": [*(told.get("cases") or []), *(one.row for one in kept)]} if kept else {}
    try:
        head = _Head.model_validate({key: told[key] for key in _Head.model_fields if key in told})
        own = tuple(_scorer_class(target, load, path) for target in head.scorers)
        rest = {key: value for key, value in told.items() if key not in _Head.model_fields}
        found = Dataset[Any, Any, Any].from_dict(rest, (*OURS, *own), default_name=path.stem)
    except ValidationError as error:
        raise ConfigurationError(f"{path}: {_first(error)}") from None
    except ExceptionGroup as error:
        raise ConfigurationError(f"{path}: {error.exceptions[0]}", hint=f"Ours: {_names()}.") from error
    except ValueError as error:
        raise ConfigurationError(f"{path}: {error}") from error
    cases = _cases(found, rest, own, path, {one.case.name: one.case.run_id for one in kept})
    waiting = [one for one in cases if one.kept and _waits(one)]
    cases = [one for one in cases if one not in waiting]
    left_out += [LeftOut(one.name, one.kept, "Nobody has said what is right.") for one in waiting]
    if not cases:
        raise ConfigurationError(f"{path} has no cases.", hint="Write one, or make one of a run: add-case.")
    left = {one.name for one in waiting}
    rows = [row for row, one in zip(rest.get("cases", ()), found.cases, strict=True) if one.name not in left]
    digest = _digest(told | {"cases": rows})
    return Suite(path.stem, head.agent, head.trials, head.timeout, digest, tuple(cases), tuple(left_out))


def parse(path: Path, text: str) -> dict[str, Any]:
    """What a suite's text says. Raises `ConfigurationError` with the line."""
    try:
        told: Any = orjson.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
    except orjson.JSONDecodeError as error:
        raise ConfigurationError(f"{path}:{error.lineno}: no JSON: {error.msg}.") from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise ConfigurationError(f"{path}:{line}: no YAML: {error.problem}.") from error
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{path}: no YAML: {error}.") from error
    if not isinstance(told, dict):
        raise ConfigurationError(f"{path} is no suite.", hint="It begins with `agent:` and `cases:`.")
    return cast("dict[str, Any]", told)


def _as_json(told: Any, path: Path) -> dict[str, Any]:
    """As an agent would be sent it: a date is a text."""
    try:
        return orjson.loads(orjson.dumps(told))
    except TypeError as error:
        raise ConfigurationError(f"{path} holds what JSON can't carry: {error}.") from error


def _scorer_class(target: str, load: LoadObject, path: Path) -> type[AnyEvaluator]:
    try:
        found = load(target)
    except FairleadError as error:
        raise ConfigurationError(f"{path}: {error.message}", hint=error.hint) from error
    if not isinstance(found, type) or not issubclass(found, Evaluator):
        raise ConfigurationError(
            f"{path}: {target} is no scorer.", hint="Write a dataclass that extends pydantic_evals' Evaluator."
        )
    return cast("type[AnyEvaluator]", found)


def _fitting(kept: Sequence[KeptCase], told: Mapping[str, Any], path: Path) -> tuple[list[KeptCase], list[LeftOut]]:
    """Those that can stand behind the cases of the file: whatever is kept, its suite can be asked."""
    good, left_out = list[KeptCase](), list[LeftOut]()
    named = {one.get("name") for one in _dicts(told.get("cases"))}
    for one in kept:
        case, why = one.case, ""
        if case.agent != told.get("agent"):
            why = f"It is of the agent {case.agent}."
        elif case.name in named:
            why = f"{path.name} has a case of this name."
        if why:
            left_out.append(LeftOut(case.name, case.run_id, why))
        else:
            good.append(one)
    return good, left_out


def _dicts(value: Any) -> list[dict[str, Any]]:
    many = cast("list[Any]", value) if isinstance(value, list) else []
    return [cast("dict[str, Any]", one) for one in many if isinstance(one, dict)]


def _cases(
    found: Dataset[Any, Any, Any], told: Mapping[str, Any], own: Sequence[type[Any]], path: Path,
    kept: Mapping[str, str],
) -> list[Case]:  # fmt: skip
    """`kept`: the runs of those that were kept, by their names."""
    cases: list[Case] = []
    for number, (one, row) in enumerate(zip(found.cases, told["cases"], strict=True), 1):
        name, scorers = one.name or f"Case {number}", _scorers(one, found.evaluators)
        if any(name == other.name for other in cases):
            raise ConfigurationError(f"{path}: two cases are called {name!r}.")
        if not scorers and name not in kept:
            raise ConfigurationError(
                f"{path}: nothing says whether an answer to {name!r} is right.", hint=f"Give it one of {_names()}."
            )
        if unusable := [type(scorer).__name__ for scorer in scorers if not is_usable(scorer, own)]:
            raise ConfigurationError(
                f"{path}: {unusable[0]} can't be used here: it would ask a model past the gateway, or needs spans.",
                hint=f"There are {_names()}.",
            )
        digest = _digest([row, told.get("evaluators") or []])
        cases.append(Case(name, digest, one.inputs, one.expected_output, one.metadata, scorers, kept.get(name, "")))
    return cases


def _scorers(case: Any, of_all: Sequence[AnyEvaluator]) -> tuple[AnyEvaluator, ...]:
    """Its own and those of all cases; but what compares has nothing to do with a case that expects nothing and says by
    itself what is right."""
    own: Sequence[AnyEvaluator] = case.evaluators
    alone = bool(own) and case.expected_output is None
    return (*own, *(one for one in of_all if not (alone and compares(one))))


def _waits(case: Case) -> bool:
    """Whether nobody has said yet what is right."""
    return not case.scorers or (case.expected_output is None and any(map(compares, case.scorers)))


def _names() -> str:
    return ", ".join(one.__name__ for one in OURS)


def _digest(value: Any) -> str:
    return hashlib.sha256(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]


def _first(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    return f"`{'.'.join(map(str, first['loc']))}`: {first['msg']}."
