"""Secrets from where they are kept: a variable, a file, and a manager that speaks as AWS does."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import botocore.exceptions as library
import pytest

from fairlead.config.secrets import Finder, finder_of, parse_reference
from fairlead.errors import ConfigurationError, FairleadError, SecretUnavailable
from tests.gateway.loopback import MovedClock
from tests.secret_manager import Manager, refusing, secret_manager, variables
from tests.servers import free_port

CANARY = "canary-7f3a91"


@pytest.fixture(scope="module")
def manager() -> Iterator[Manager]:
    with secret_manager() as made:
        made.put("whole", CANARY)
        made.put("json", {"password": CANARY, "port": 5432, "db": {"username": CANARY}, "empty": "", "on": True})
        made.put("binary", CANARY.encode())
        yield made


def find(finder: Finder, text: str, **more: Any) -> str:
    reference = parse_reference(text)
    assert reference is not None
    return finder.find(reference, **more).value


def failure(finder: Finder, text: str) -> FairleadError:
    with pytest.raises(FairleadError) as caught:
        find(finder, text)
    seen: BaseException | None = caught.value
    while seen is not None:  # what a traceback would show, too
        assert CANARY not in f"{seen} {seen!r} {vars(seen)}"
        seen = seen.__cause__ or seen.__context__
    return caught.value


def test_variables_and_files(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(f"{CANARY}\n")
    (tmp_path / "empty").touch()
    (tmp_path / "noise").write_bytes(b"\xff" + CANARY.encode())
    (tmp_path / "large").write_text(CANARY * 10_000)
    finder = finder_of({"A": "value", "EMPTY": ""}, root=tmp_path)
    assert (find(finder, "env:A"), find(finder, "file:key")) == ("value", CANARY)
    assert find(finder, f"file:{tmp_path}/key") == CANARY
    for text, said in {
        "env:EMPTY": "not set", "env:NONE": "NONE is not set", "file:none": "cannot be read: No such file",
        "file:empty": "empty", "file:noise": "UTF-8", "file:large": "too large", "file:.": "cannot be read",
    }.items():  # fmt: skip
        assert said in failure(finder, text).message


def test_a_manager_gives_whole_secrets_keys_and_stages(manager: Manager) -> None:
    finder = finder_of(manager.environ, root=Path())
    assert find(finder, "aws:whole") == CANARY
    assert (find(finder, "aws:json#password"), find(finder, "aws:json#port")) == (CANARY, "5432")
    assert find(finder, "aws:json#db") == f'{{"username":"{CANARY}"}}'
    manager.put("staged", "first")
    version = manager.put("staged", "second")
    assert (find(finder, "aws:staged"), find(finder, "aws:staged?stage=AWSPREVIOUS")) == ("second", "first")
    reference = parse_reference("aws:staged")
    assert reference is not None and finder.find(reference).version == version
    arn = manager.client().describe_secret(SecretId="whole")["ARN"]
    assert find(finder_of({**manager.environ, "AWS_REGION": ""}, root=Path()), f"aws:{arn}") == CANARY


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("aws:none", "no such secret"),
        ("aws:json?stage=NOWHERE", "none of that stage"),
        ("aws:json#none", "no text at the key none"),
        ("aws:json#empty", "no text"),
        ("aws:json#on", "no text"),
        ("aws:whole#key", "no JSON object"),
        ("aws:binary", "binary"),
    ],
)
def test_what_a_manager_has_not_is_said(manager: Manager, text: str, said: str) -> None:
    error = failure(finder_of(manager.environ, root=Path()), text)
    assert isinstance(error, ConfigurationError)
    assert said in error.message


@pytest.mark.parametrize(
    ("code", "kind", "said"),
    [
        ("ResourceNotFoundException", ConfigurationError, "no such secret"),
        ("AccessDeniedException", ConfigurationError, "does not let us read"),
        ("ExpiredTokenException", ConfigurationError, "credentials: ExpiredTokenException"),
        ("UnrecognizedClientException", ConfigurationError, "credentials"),
        ("InvalidRequestException", ConfigurationError, "to be deleted"),
        ("DecryptionFailure", ConfigurationError, "decrypt"),
        ("ThrottlingException", SecretUnavailable, "did not answer: ThrottlingException"),
        ("InternalServiceError", SecretUnavailable, "did not answer"),
        ("SomethingNewException", SecretUnavailable, "SomethingNewException"),
    ],
)
async def test_each_error_of_aws_is_one_of_ours(code: str, kind: type[FairleadError], said: str) -> None:
    async with refusing(code, status=500 if code == "InternalServiceError" else 400) as url:
        with pytest.raises(kind, match=said):
            await _in_thread(finder_of(variables(url), root=Path()))


async def _in_thread(finder: Finder) -> None:
    await asyncio.to_thread(find, finder, "aws:x")


def test_a_manager_that_is_away_is_no_no() -> None:
    finder = finder_of(variables(f"http://127.0.0.1:{free_port()}"), root=Path())
    assert isinstance(failure(finder, "aws:whole"), SecretUnavailable)


def test_every_error_of_the_library_is_translated() -> None:
    """All of botocore's own are one of these two; `OSError` and `ValueError` are Python's."""
    errors = [one for one in vars(library).values() if isinstance(one, type) and issubclass(one, Exception)]
    own = [one for one in errors if one.__module__ == library.__name__]
    strange = {one.__name__ for one in own if not issubclass(one, library.BotoCoreError | library.ClientError)}
    warnings = {"ImminentRemovalWarning", "UnsupportedTLSVersionWarning"}
    assert strange - warnings - {"UndefinedModelAttributeError", "MissingServiceIdError"} == set()  # faults of its own


def test_one_question_for_all_the_keys_of_a_secret_within_its_time(manager: Manager) -> None:
    clock = MovedClock()
    finder = finder_of(manager.environ, root=Path(), clock=clock)
    manager.put("cached", {"a": "1", "b": "1"})
    assert find(finder, "aws:cached#a") == "1"
    manager.put("cached", {"a": "2", "b": "2"})
    clock.seconds += 299
    assert (find(finder, "aws:cached#a"), find(finder, "aws:cached#b")) == ("1", "1")
    assert find(finder, "aws:cached#a", within=timedelta(seconds=1)) == "2"
    clock.seconds += 300
    manager.put("cached", {"a": "3", "b": "3"})
    assert (find(finder, "aws:cached#a"), find(finder, "aws:cached#b")) == ("3", "3")
