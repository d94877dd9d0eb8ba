"""A simple cron expression in words; of any other there are none, and the expression speaks for itself."""

from __future__ import annotations

import re
from typing import Any

from fairlead.web.console.format import Format
from fairlead.web.console.language import N_

_DAYS = (
    N_("Sunday"), N_("Monday"), N_("Tuesday"), N_("Wednesday"), N_("Thursday"), N_("Friday"), N_("Saturday"),
)  # fmt: skip
_NAMES = {name: number for number, name in enumerate(("sun", "mon", "tue", "wed", "thu", "fri", "sat"))}
_STEP = re.compile(r"\*/([1-9][0-9]?)")


def words(cron: str, fmt: Format) -> str:
    """Empty for what is not simple."""
    fields = cron.split()
    if len(fields) != 5:
        return ""
    template, places = _told(*fields)
    return (
        fmt.words.gettext(template) % {name: _shown(value, fmt) for name, value in places.items()} if template else ""
    )


def _told(minute: str, hour: str, day: str, month: str, weekday: str) -> tuple[str, dict[str, Any]]:
    if month != "*":
        return "", {}
    at = {"time": f"{int(hour):02}:{int(minute):02}"} if hour.isdecimal() and minute.isdecimal() else None
    match (day, weekday, at):
        case ("*", "*", None):
            return _within_a_day(minute, hour)
        case ("*", "*", at) if at:
            return N_("every day at %(time)s"), at
        case ("*", "1-5" | "mon-fri" | "MON-FRI", at) if at:
            return N_("Monday to Friday at %(time)s"), at
        case ("*", _, at) if at and (number := _weekday(weekday)) is not None:
            return N_("every %(day)s at %(time)s"), {**at, "day": number}
        case (_, "*", at) if at and day.isdecimal():
            return N_("on day %(day)s of each month at %(time)s"), {**at, "day": day}
        case _:
            return "", {}


def _within_a_day(minute: str, hour: str) -> tuple[str, dict[str, Any]]:
    if minute == hour == "*":
        return N_("every minute"), {}
    if (step := _STEP.fullmatch(minute)) and hour == "*" and 60 % int(step[1]) == 0:
        return N_("every %(n)s minutes"), {"n": step[1]}
    if minute.isdecimal() and hour == "*":
        return N_("every hour, at minute %(n)s"), {"n": minute}
    if minute.isdecimal() and (step := _STEP.fullmatch(hour)) and 24 % int(step[1]) == 0:
        return N_("every %(hours)s hours, at minute %(n)s"), {"hours": step[1], "n": minute}
    return "", {}


def _weekday(given: str) -> int | None:
    if given.isdecimal() and int(given) <= 7:
        return int(given) % 7
    return _NAMES.get(given.lower())


def _shown(value: Any, fmt: Format) -> str:
    return fmt.words.gettext(_DAYS[value]) if isinstance(value, int) else str(value)
