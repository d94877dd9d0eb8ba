"""Evaluations, put together: the suite of a project, a Fairlead that is asked over HTTP, the gate, and the book.

A served one is asked at its URL, before it gets traffic too; one in this process behind its Unix socket.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

import httpx2
import orjson

from fairlead.access import HOUSE
from fairlead.agents.load_code import load_object
from fairlead.clock import Clock, SystemClock
from fairlead.database import migrate
from fairlead.errors import (
    ConfigurationError,
    Conflict,
    FairleadError,
    Forbidden,
    NotFound,
    Unauthorised,
    UnknownAgent,
)
from fairlead.errors import TargetUnavailable as Unavailable
from fairlead.ship.evaluation.ask import Answer, Message, Said
from fairlead.ship.evaluation.book import Book, Evaluation, figures_of, new_id
from fairlead.ship.evaluation.gate import Bounds, judge, trials_of
from fairlead.ship.evaluation.kept import KeptCase
from fairlead.ship.evaluation.outcome import Outcome
from fairlead.ship.ledger import MIGRATIONS
from fairlead.ship.verdict import Finding, Verdict, verdict_of
from fairlead.wiring.databases import open_database
from fairlead.wiring.project import Setup

if TYPE_CHECKING:
    from fairlead.ship.evaluation.suite import Suite

_NANO = 1_000_000_000
_TRIES = 4
_PAUSE = 1.0  # seconds before the second try; twice as long before each further one
_LONGEST_PAUSE = 30.0
_ABORT: Mapping[str, type[FairleadError]] = {
    "unknown_agent": UnknownAgent, "unauthorised": Unauthorised, "forbidden": Forbidden,
}  # fmt: skip
# A run that ended so says nothing of its agent: the model could not be had.
_NOT_THE_AGENT = frozenset({
    "model_unavailable", "model_limited", "model_timeout", "model_denied", "circuit_open", "all_providers_unavailable",
    "all_providers_failed", "rate_limited", "queue_full", "calls_stopped", "database_unavailable", "tool_server_down",
    "fenced", "internal",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Where:
    """Whom to ask: a URL, or a Unix socket (`unix`). `release`: which release's workers are to run it."""

    url: str
    unix: str = ""
    key: str = ""
    release: str = ""


class Door:
    """A Fairlead, asked over HTTP. `timeout`: after which an answer is given up."""

    def __init__(self, http: httpx2.AsyncClient, where: Where, *, timeout: timedelta, clock: Clock) -> None:
        self._http = http
        self._where = where
        self._timeout = timeout
        self._clock = clock

    async def ask(self, agent: str, input: Any) -> Answer:
        """See `ship.evaluation.ask.Ask`."""
        body = {"assistant_id": agent, "input": input, "metadata": {"intent": "evaluation"}}
        body |= {"release": self._where.release} if self._where.release else {}
        try:
            run = await self._call("POST", "/runs", body)
        except _Refused as error:  # this input is not taken
            return Answer(error=error.message)
        run_id = str(run["run_id"])
        try:
            async with asyncio.timeout(self._timeout.total_seconds()):
                ended = await self._ended(run_id)
        except TimeoutError:
            return await self._given_up(run_id)
        except asyncio.CancelledError:
            await self._cancel(run_id)
            raise
        if ended["status"] == "interrupted":
            await self._cancel(run_id)
        return _answer_of(ended)

    async def ask_model(self, model: str, messages: Sequence[Message]) -> Said:
        """See `ship.evaluation.ask.AskModel`."""
        body = {"model": model, "messages": list(messages)}
        try:
            answer = await self._send("POST", "/v1/chat/completions", body, {"x-fairlead-cache": "no"})
        except _Refused as error:
            raise Unavailable(f"The model {model} did not judge: {error.message}") from error
        told = _read(answer)
        cost = round(float(answer.headers.get("x-fairlead-cost-usd") or 0) * _NANO)
        return Said(str(told["choices"][0]["message"].get("content") or ""), cost)

    async def _ended(self, run_id: str) -> dict[str, Any]:
        path = f"/runs/{run_id}"
        await self._call("GET", f"{path}/wait")
        return await self._call("GET", path)

    async def _given_up(self, run_id: str) -> Answer:
        run = await self._call("GET", f"/runs/{run_id}")
        await self._cancel(run_id)
        if run["started_at"] is None:
            raise Unavailable(f"No worker began run {run_id} within {self._timeout.total_seconds():g} s.")
        late = f"no answer within {self._timeout.total_seconds():g} s"
        return _answer(run, seconds=self._timeout.total_seconds(), error=late)

    async def _cancel(self, run_id: str) -> None:
        with suppress(FairleadError):
            await self._call("POST", f"/runs/{run_id}/cancel", {})

    async def _call(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        return _read(await self._send(method, path, body, {}))

    async def _send(self, method: str, path: str, body: Any, headers: Mapping[str, str]) -> httpx2.Response:
        """Again while there is no room, or while it does not answer and asking twice does no harm."""
        for tried in range(_TRIES):
            last = tried == _TRIES - 1
            try:
                answer = await self._http.request(method, path, json=body, headers=dict(headers))
            except httpx2.HTTPError as error:
                if last or (method == "POST" and not isinstance(error, httpx2.ConnectError)):
                    raise Unavailable(f"{self._where.url} does not answer: {type(error).__name__} {error}.") from error
                await self._pause(tried)
                continue
            if answer.status_code not in (429, 503) or last:
                _refuse(answer)
                return answer
            await self._pause(tried, answer.headers.get("retry-after", ""))
        raise AssertionError("unreachable")

    async def _pause(self, tried: int, wait: str = "") -> None:
        seconds = float(wait) if wait.isdecimal() else _PAUSE * 2**tried
        await self._clock.sleep(timedelta(seconds=min(seconds, _LONGEST_PAUSE)))


class _Refused(FairleadError):
    code = "refused"


@asynccontextmanager
async def open_door(where: Where, *, timeout: float, clock: Clock) -> AsyncGenerator[Door]:
    """`timeout` in seconds. Raises `TargetUnavailable` when nobody answers there."""
    transport = httpx2.AsyncHTTPTransport(uds=where.unix) if where.unix else None
    silence = httpx2.Timeout(45.0, pool=None)  # a heartbeat comes every 15 s
    keyed = {"x-api-key": where.key} if where.key else {}
    async with httpx2.AsyncClient(
        base_url=where.url, headers=keyed, timeout=silence, transport=transport, trust_env=False
    ) as http:
        try:
            await http.get("/health/live", timeout=10.0)
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise Unavailable(
                f"No Fairlead answers at {where.url}: {error or type(error).__name__}.", hint="Check the URL."
            ) from error
        yield Door(http, where, timeout=timedelta(seconds=timeout), clock=clock)


async def load_suite_with(book: Book, setup: Setup, name: str) -> Suite:
    """With the cases that the environment has kept for it. Raises what `load_suite` does, `DatabaseUnavailable`."""
    suite_files().find_suite(setup.declared.root, name)
    return load_suite(setup, name, kept=await book.cases.list(tenant=HOUSE, suite=name))


def load_suite(setup: Setup, name: str, *, kept: Sequence[KeptCase] = ()) -> Suite:
    """Raises `ConfigurationError` (the extra is not installed, the file is broken), `NotFound`, `InvalidInput`."""
    root, declared = setup.declared.root, setup.declared.file
    path = suite_files().find_suite(root, name)

    def load(target: str) -> Any:
        return load_object(root, target, declared_in=declared)

    return _extra("suite").load_suite(path, load, kept=kept)


def suite_files() -> Any:
    """`ship.evaluation.suite_file`. Raises `ConfigurationError` when the extra is not installed."""
    return _extra("suite_file")


def _extra(module: str) -> Any:
    try:
        return import_module(f"fairlead.ship.evaluation.{module}")
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"Evaluations need {error.name}, which is not installed.", hint="pip install 'fairlead[evaluate]'"
        ) from error


@asynccontextmanager
async def open_book(setup: Setup) -> AsyncGenerator[Book]:
    """Raises `DatabaseUnavailable`."""
    settings = setup.settings
    database = await open_database(settings.database, root=settings.root, clock=SystemClock())
    try:
        await migrate(database, (MIGRATIONS,))
        yield Book(database, environment=settings.app.environment.value)
    finally:
        await database.close()


async def evaluate(
    suite: Suite, where: Where, bounds: Bounds, book: Book, *, by: str, release: str = "", trials: int | None = None,
    clock: Clock, tell: Callable[[Outcome, int], None] | None = None,
) -> Evaluation:  # fmt: skip
    """Ask, score, judge, and keep it. `release`: what it is kept as; default: what the answers say. `tell` hears each
    outcome, and how many there will be. Raises `TargetUnavailable` when nobody answers at all; what `Ask` raises."""
    parts = _extra("evaluate")
    started = clock.now()
    trials = trials or suite.trials or trials_of(len(suite.cases), bounds)
    planned = trials * len(suite.cases)

    def hear(outcome: Outcome) -> None:
        if tell is not None:
            tell(outcome, planned)

    async with open_door(where, timeout=suite.timeout, clock=clock) as door:
        outcomes: list[Outcome] = await parts.evaluate(
            suite, door.ask, door.ask_model, parts.Terms(trials, bounds.max_cost_nano),
            tell=hear,
        )  # fmt: skip
    findings = judge(outcomes, bounds, planned=planned)
    done = Evaluation(
        new_id(), suite.name, suite.digest, suite.agent, release or _release_of(outcomes), by, started, clock.now(),
        bounds, verdict_of(findings), tuple(findings), figures_of(outcomes, planned=planned), tuple(outcomes),
    )  # fmt: skip
    await book.keep(done)
    return done


async def gate(
    setup: Setup, suite: str, where: Where, bounds: Bounds, book: Book, *, release: str, by: str, clock: Clock
) -> list[Finding]:
    """Of a release that is up and gets no traffic yet: one finding each for accuracy, cost and latency, all `pass` when
    it may go on. Whatever keeps it from being asked is a finding too; a broken suite raises `ConfigurationError`."""
    loaded = await load_suite_with(book, setup, suite)
    try:
        done = await evaluate(loaded, where, bounds, book, by=by, release=release, clock=clock)
    except Unavailable as error:
        return [Finding("evaluation", Verdict.COULD_NOT_ASK, error.message)]
    except (UnknownAgent, Unauthorised) as error:
        return [Finding("evaluation", Verdict.FAIL, error.message)]
    return list(done.findings)


async def pull_cases(setup: Setup, book: Book, suite: str, names: Collection[str] = (), *, by: str) -> list[str]:
    """Kept cases, all or some of a suite, go into its file and are kept no longer. Gives the names of those that were
    written: one that the file has already stays as it is there. Raises `NotFound`, `Conflict` for a case of another
    agent, `ConfigurationError`."""
    files = suite_files()
    path = files.find_suite(setup.declared.root, suite)
    kept = await book.cases.list(tenant=HOUSE, suite=suite)
    if missing := set(names) - {one.case.name for one in kept}:
        raise NotFound(f"{suite} has kept no case {min(missing)}.", hint="fairlead evaluations cases list")
    agent, written = files.agent_of(path), list[str]()
    for one in kept:
        if names and one.case.name not in names:
            continue
        if one.case.agent != agent:
            raise Conflict(f"The case {one.case.name} is of the agent {one.case.agent}; {suite} is of {agent}.")
        if not files.has_case(path, one.case.name):
            files.add_case(path, one.row)
            written.append(one.case.name)
        # Afterwards: when we die before, the file has it, and this says so the next time.
        await book.cases.remove(one.id, tenant=HOUSE, by=by)
    return written


def add_case(setup: Setup, suite: str, run: Mapping[str, Any], *, name: str = "") -> str:
    """A recorded run becomes a case: its input, and its output as what is expected. Gives the case's name. Raises
    `Conflict` for a run without success, or when there is a case of this name."""
    if run["status"] != "success":
        raise Conflict(f"Run {run['run_id']} is no example: it is {run['status']}.", hint="Choose one with success.")
    files = suite_files()
    path = files.find_suite(setup.declared.root, suite)
    agent = files.agent_of(path)
    if agent != run["agent"]:
        raise Conflict(f"Run {run['run_id']} is of the agent {run['agent']}; the suite {suite} is of {agent}.")
    case: dict[str, Any] = {
        "name": name or f"run-{run['run_id']}", "inputs": run["input"], "expected_output": run["output"],
        "metadata": {"run_id": run["run_id"], "release": run["release"]},
    }  # fmt: skip
    files.add_case(path, case)
    return case["name"]


def _release_of(outcomes: Sequence[Outcome]) -> str:
    return ", ".join(dict.fromkeys(one.release for one in outcomes if one.release)) or "unknown"


def _answer_of(run: Mapping[str, Any]) -> Answer:
    """Raises `TargetUnavailable` for a run that says nothing of its agent."""
    if run["status"] == "success":
        return _answer(run, output=run["output"])
    error: Mapping[str, Any] = run["error"] or {}
    if error.get("error") in _NOT_THE_AGENT:
        raise Unavailable(f"Run {run['run_id']} could not be done: {error.get('message') or error['error']}")
    why = "waits for a person" if run["reason"] == "approval" else run["reason"] or run["status"]
    return _answer(run, error=f"{error['error']}: {error.get('message', '')}" if error else f"the run {why}")


def _answer(run: Mapping[str, Any], *, output: Any = None, seconds: float | None = None, error: str = "") -> Answer:
    """The time from the run's start: how long it waited for a worker is no matter of the release."""
    if seconds is None:
        seconds = max(
            0.0, (_moment(run["finished_at"] or run["updated_at"]) - _moment(run["started_at"])).total_seconds()
        )
    cost = round(float(run["cost_usd"]) * _NANO)
    return Answer(output, cost, seconds, str(run["run_id"]), str(run["release"]), error)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _refuse(answer: httpx2.Response) -> None:
    """Raises what a status of 400 and above stands for: `TargetUnavailable` when asking again may help."""
    if answer.status_code < 400:
        return
    try:
        problem: Any = orjson.loads(answer.content)
    except orjson.JSONDecodeError:
        problem = None
    told = cast("dict[str, Any]", problem) if isinstance(problem, dict) else {}
    told = cast("dict[str, Any]", inner) if isinstance(inner := told.get("error"), dict) else told
    code, said = str(told.get("code") or ""), str(told.get("detail") or told.get("message") or answer.reason_phrase)
    if kind := _ABORT.get(code):
        raise kind(said, hint=str(told.get("hint") or ""))
    if answer.status_code in (404, 429) or answer.status_code >= 500 or not told:
        raise Unavailable(f"{answer.url} answered {answer.status_code}: {said}")
    raise _Refused(said)


def _read(answer: httpx2.Response) -> dict[str, Any]:
    try:
        told: Any = orjson.loads(answer.content)
    except orjson.JSONDecodeError as error:  # the server stopped while we waited
        raise Unavailable(f"{answer.url} broke off.") from error
    return cast("dict[str, Any]", told) if isinstance(told, dict) else {"values": told}
