from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from fairlead.runs.run import Reason, Status
from fairlead.web.console.assets import FOLDER
from fairlead.web.console.state import of_run, of_status
from tests.console.gallery import make_run

RUN = make_run(1, datetime(2026, 11, 22, tzinfo=UTC))
ICONS = set(re.findall(r'<symbol id="([^"]+)"', (FOLDER / "icons.svg").read_text()))


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("reason", [None, *Reason])
def test_every_state_has_a_shape_a_word_and_the_status_of_the_api(status: Status, reason: Reason | None) -> None:
    state = of_run(replace(RUN, status=status, reason=reason))
    assert state.icon in ICONS
    assert state.word
    assert state.name == status.value


def test_the_reason_stands_in_for_interrupted() -> None:
    assert of_run(replace(RUN, status=Status.INTERRUPTED, reason=Reason.APPROVAL)).word == "needs approval"
    assert of_run(replace(RUN, status=Status.INTERRUPTED, reason=Reason.CANCELLED)).tone == "muted"


def test_no_two_statuses_share_shape_and_colour() -> None:
    looks = [(of_status(status).icon, of_status(status).tone) for status in Status]
    assert len(set(looks)) == len(looks)


def test_a_run_that_is_being_cancelled_says_so() -> None:
    assert of_run(replace(RUN, status=Status.RUNNING, cancel_requested=True)).word == "cancelling"
