"""How the console writes numbers, money, durations and times: for one reader, in his zone and language."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from gettext import NullTranslations
from zoneinfo import ZoneInfo

NOTHING = "—"
_NANO = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Format:
    now: datetime
    zone: tzinfo = UTC
    zone_name: str = "UTC"
    words: NullTranslations = field(default_factory=NullTranslations)

    def duration(self, span: timedelta | None) -> str:
        """0.47 s, 10.8 s, 31 s, 2 min 52 s, 3 h 5 min: at most two units."""
        if span is None:
            return NOTHING
        seconds = max(0.0, span.total_seconds())
        _ = self.words.gettext
        if seconds < 0.0995:
            short = 0.00005 <= seconds < 0.00095
            return _("%(n)s ms") % {"n": f"{seconds * 1000:.1f}" if short else f"{seconds * 1000:.0f}"}
        if seconds < 9.995:
            return _("%(n)s s") % {"n": f"{seconds:.2f}"}
        if seconds < 59.95:
            return _("%(n)s s") % {"n": f"{seconds:.1f}"}
        return self._long(round(seconds))

    def _long(self, seconds: int) -> str:
        _ = self.words.gettext
        minutes, rest = divmod(seconds, 60)
        if minutes < 60:
            return _("%(min)s min %(s)s s") % {"min": minutes, "s": rest}
        hours, minutes = divmod(minutes, 60)
        if hours < 48:
            return _("%(h)s h %(min)s min") % {"h": hours, "min": minutes}
        days, hours = divmod(hours, 24)
        return _("%(d)s d %(h)s h") % {"d": days, "h": hours}

    def coarse(self, span: timedelta | None) -> str:
        """One unit, for what goes on while one reads: 13 s, 41 min."""
        if span is None:
            return NOTHING
        seconds = max(0, int(span.total_seconds()))
        _ = self.words.gettext
        if seconds < 60:
            return _("%(n)s s") % {"n": seconds}
        if seconds < 3600:
            return _("%(n)s min") % {"n": seconds // 60}
        if seconds < 48 * 3600:
            return _("%(n)s h") % {"n": seconds // 3600}
        return _("%(n)s d") % {"n": seconds // 86400}

    def money(self, nano: int | None) -> str:
        """Four decimals under one dollar, two above."""
        if nano is None:
            return NOTHING
        if 0 < nano < _NANO // 20_000:
            return "<$0.0001"
        return f"${nano / _NANO:,.4f}" if abs(nano) < _NANO else f"${nano / _NANO:,.2f}"

    def count(self, number: int | None, *, exact: bool = True) -> str:
        if number is None:
            return NOTHING
        if exact or number < 10_000:
            return f"{number:,}"
        _ = self.words.gettext
        if number < 1_000_000:
            return _("about %(n)s k") % {"n": round(number / 1000)}
        return _("about %(n)s M") % {"n": f"{number / 1_000_000:.1f}"}

    def listed(self, items: Iterable[str]) -> str:
        """Names or clauses, one after the other."""
        return self.words.pgettext("between the items of a list", ", ").join(items)

    def told(self, label: str, text: str) -> str:
        return self.words.gettext("%(label)s: %(text)s") % {"label": label, "text": text}

    def size(self, count: int) -> str:
        for unit, worth in (("MB", 1_000_000), ("KB", 1000)):
            if count >= worth:
                return f"{count / worth:.1f} {unit}"
        return f"{count} B"

    def local(self, moment: datetime) -> datetime:
        return moment.astimezone(self.zone)

    def time(self, moment: datetime | None) -> str:
        """The time of day when it is today, else with the date."""
        if moment is None:
            return NOTHING
        here = self.local(moment)
        return f"{here:%H:%M:%S}" if here.date() == self.local(self.now).date() else f"{here:%Y-%m-%d %H:%M}"

    def precise(self, moment: datetime | None) -> str:
        if moment is None:
            return NOTHING
        here = self.local(moment)
        return (
            f"{self.time(moment)}.{here.microsecond // 1000:03}" if ":" in self.time(moment)[5:] else self.time(moment)
        )

    def iso(self, moment: datetime | None) -> str:
        return "" if moment is None else self.local(moment).isoformat(timespec="milliseconds")

    def ago(self, moment: datetime | None) -> str:
        """Relative only up to an hour; older moments are told as they are."""
        if moment is None:
            return NOTHING
        span = self.now - moment
        if span >= timedelta(hours=1) or span < timedelta(seconds=-1):
            return self.time(moment)
        return self.words.gettext("%(span)s ago") % {"span": self.coarse(span)}

    @property
    def offset(self) -> str:
        """UTC+9, UTC-3:30; empty for UTC itself."""
        if self.zone_name == "UTC":
            return ""
        minutes = int((self.local(self.now).utcoffset() or timedelta()).total_seconds() // 60)
        hours, rest = divmod(abs(minutes), 60)
        return f"UTC{'-' if minutes < 0 else '+'}{hours}" + (f":{rest:02}" if rest else "")


def zone(name: str | None) -> tuple[tzinfo, str]:
    """The zone a cookie names; UTC when it names none that we know."""
    if not name or len(name) > 64:
        return UTC, "UTC"
    try:
        return ZoneInfo(name), name
    except (KeyError, OSError, ValueError):  # unknown, a directory, a path that leaves the database
        return UTC, "UTC"
