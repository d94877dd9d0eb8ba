"""What came of the playground's runs: each as it is told, and beside each other once both have ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fairlead.runs.run import Run, Status
from fairlead.web.console import conversation, form, text_diff
from fairlead.web.console.format import NOTHING, Format
from fairlead.web.console.language import N_
from fairlead.web.console.text_diff import Piece
from fairlead.web.console.turns import Told, Turn, turn


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the comparison. `best`: the index of the smaller one, where smaller is better and they differ."""

    label: str
    values: tuple[str, str]
    best: int | None


@dataclass(frozen=True, slots=True)
class Compared:
    """`words` None: the outputs are too long to be compared word by word."""

    figures: tuple[Figure, ...]
    words: tuple[Piece, ...] | None
    same: bool


@dataclass(frozen=True, slots=True)
class Results:
    turns: tuple[Turn, ...]
    compared: Compared | None  # once both have ended

    @property
    def over(self) -> bool:
        return all(one.run.finished_at is not None for one in self.turns)


def results(told: Sequence[Told], fmt: Format, texts: dict[str, dict[str, str]] | None = None) -> Results:
    turns = tuple(turn(one, fmt, (texts or {}).get(one.run.id)) for one in told)
    both = len(turns) == 2 and all(one.run.finished_at is not None for one in turns)
    return Results(turns, _compared(turns[0].run, turns[1].run, fmt) if both else None)


def _compared(one: Run, other: Run, fmt: Format) -> Compared:
    runs = (one, other)
    texts = [output_text(run) for run in runs]
    spans = [(run.finished_at - run.created_at) if run.finished_at else None for run in runs]
    seconds = [span.total_seconds() if span is not None else 0.0 for span in spans]
    figures = (
        _figure(N_("Duration"), [fmt.duration(span) for span in spans], seconds),
        _figure(N_("Cost"), [fmt.money(run.cost_nano) if run.cost_nano else NOTHING for run in runs],
                [run.cost_nano for run in runs]),
        _figure(N_("Tokens in"), [fmt.count(run.tokens_in) for run in runs], [run.tokens_in for run in runs]),
        _figure(N_("Tokens out"), [fmt.count(run.tokens_out) for run in runs], [run.tokens_out for run in runs]),
        _figure(N_("Steps"), [fmt.count(run.steps) for run in runs], [run.steps for run in runs]),
    )  # fmt: skip
    found = text_diff.words(*texts) if all(run.status is Status.SUCCESS for run in runs) else ()
    return Compared(figures, None if found is None else tuple(found), texts[0] == texts[1])


def _figure(label: str, values: Sequence[str], amounts: Sequence[float]) -> Figure:
    best = None if amounts[0] == amounts[1] else min((0, 1), key=lambda place: amounts[place])
    return Figure(label, (values[0], values[1]), best)


def output_text(run: Run) -> str:
    """What came out, as one compares it."""
    if run.output is None:
        return ""
    return conversation.answered(run.output) or form.dump(run.output, pretty=True)
