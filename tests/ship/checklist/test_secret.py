"""A folder with a planted key is found out; one without is not."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from fairlead.ship.checklist.answer import Found
from fairlead.ship.verdict import Verdict
from tests.ship.checklist.asking import ask, facts_of, settings_of

# Put together here, so that this file holds none.
KEYS = {
    "an AWS key": "AKIA" + "IOSFODNN7EXAMPLE",
    "an Anthropic key": "sk-" + "ant-api03-" + "a1B2c3D4e5F6g7H8i9J0kLmN",
    "an OpenAI key": "sk-" + "proj-" + "a1B2c3D4e5F6g7H8i9J0kLmNoPqRsTuVwX",
    "a GitHub token": "gh" + "p_" + "0123456789abcdefghijABCDEFGHIJ012345",
    "a Slack token": "xo" + "xb-123456789012-abcdefghijklmnopqrst",
    "a Stripe key": "sk_" + "live_" + "abcdefghijklmnopqrstuvwx",
    "a Fairlead key": "fl" + "_" + "abcdefghijklmnopqrstuvwxyz0123456789-_ABCDE",
}


@pytest.fixture
def release(tmp_path: Path) -> Path:
    (tmp_path / "agent.py").write_text('KEY = "sk-..."  # from the environment\nPLACE = "AKIA"\n')
    (tmp_path / "README.md").write_text("Put sk-your-key-here into .env.local\n-----BEGIN PUBLIC KEY-----\n")
    return tmp_path


async def test_a_folder_without_any_passes_whatever_looks_a_little_like_one(release: Path) -> None:
    found = await ask("secrets", facts_of(release, settings=settings_of(release)))
    assert (found.result, found.said.partition(";")[0]) == (Verdict.PASS, "none in 2 files")


async def test_a_real_private_key_is_found_with_its_place(release: Path) -> None:
    folder = release / "deploy" / "certs"
    folder.mkdir(parents=True)
    subprocess.run(
        ["openssl", "genpkey", "-algorithm", "ed25519", "-out", str(folder / "server.pem")], check=True,
        capture_output=True,
    )  # fmt: skip
    found = await ask("secrets", facts_of(release))
    assert (found.result, found.said) == (Verdict.FAIL, "deploy/certs/server.pem:1 holds a private key")
    assert found.reference == "deploy/certs/server.pem:1"


@pytest.mark.parametrize("what", KEYS)
async def test_known_forms_are_found_and_never_shown(release: Path, what: str) -> None:
    (release / "config.yaml").write_text(f"name: shop\nkey: {KEYS[what]}\n")
    found = await ask("secrets", facts_of(release))
    assert found.result is Verdict.FAIL and f"config.yaml:2 holds {what}" in found.said
    assert KEYS[what] not in found.said


async def test_our_own_secrets_are_looked_for_as_they_are(release: Path) -> None:
    (release / "notes.txt").write_text("the pass\nword is correct-horse-battery\n")
    settings = settings_of(release, DATABASE_URL="postgresql://shop:correct-horse-battery@db/shop")
    found = await ask("secrets", facts_of(release, settings=settings))
    assert found.said == "notes.txt:2 holds one of the secrets that are set here"


async def test_what_is_not_shipped_or_is_allowed_is_passed_by(release: Path) -> None:
    for name in (".git/config", ".venv/lib/key.py", ".env.local", "tests/keys.py"):
        (release / name).parent.mkdir(parents=True, exist_ok=True)
        (release / name).write_text(KEYS["an AWS key"])
    assert (await ask("secrets", facts_of(release))).said == "tests/keys.py:1 holds an AWS key"
    allowed = facts_of(release, declared={"may_hold_keys": ("tests/*",)})
    assert (await ask("secrets", allowed)).result is Verdict.PASS


async def test_a_secret_among_the_settings_of_releases_is_one_that_is_written_down(release: Path) -> None:
    async def given(**settings: str) -> Found:
        return await ask("secrets", facts_of(release, ship_settings=settings))

    assert "[ship.secrets]" in (await given(FAIRLEAD_AUDIT_SECRET="x")).said
    assert (await given(SHOP_API_KEY="x")).result is Verdict.FAIL
    url = "postgresql://db/shop"
    assert (await given(DATABASE_URL=url, LOG_LEVEL="INFO")).result is Verdict.PASS
    assert (await given(DATABASE_URL="postgresql://a:b@db/shop")).result is Verdict.FAIL
