"""The console in a language that nobody speaks: each of its words is marked, and longer by two fifths. What is not
marked was never translated; what does not fit is cut off in some language.
"""

from __future__ import annotations

import re
import sys
from html.parser import HTMLParser
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser

from tests.api.serving import make_console
from tests.console.desktop import desktop
from tests.console.showroom import AGENTS, showroom
from tests.console.test_accessibility import PAGES, WIDER, addresses
from tests.console.visitor import Visitor

ROOT = Path(__file__).resolve().parents[2]
_PLACE = re.compile(r"(%\(\w+\)[sd])")
_LABELS = {"th", "dt", "button", "label", "summary", "legend", "h2", "caption", "option"}
_NEVER = {"Fairlead", "English", "日本語", "中文", "CSV", "JSON", "UTC", "P50", "P95", "P99", "p50", "p95", "429"}


def catalogues() -> Any:
    """The tool that brings catalogues up to date."""
    spec = spec_from_file_location("catalogues", ROOT / ".ci/catalogues.py")
    assert spec is not None and spec.loader is not None
    module = sys.modules.setdefault("catalogues", module_from_spec(spec))
    spec.loader.exec_module(module)
    return module


def marked(text: str) -> str:
    said = "".join(part if _PLACE.fullmatch(part) else part.translate(_ACCENTS) for part in _PLACE.split(text))
    return f"⟦{said}{'~' * (len(text) * 2 // 5)}⟧"


_ACCENTS = str.maketrans("aeiouAEIOU", "áéíóúÁÉÍÓÚ")


@pytest.fixture(scope="module")
def locales(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One language, "qq"."""
    tool, folder = catalogues(), tmp_path_factory.mktemp("locale")
    made = tool.Catalog(locale="ja", charset="utf-8", fuzzy=False)
    for one in tool.messages():
        if one.id:
            plural = not isinstance(one.id, str)
            made.add(one.id, [marked(one.id[-1])] if plural else marked(one.id), context=one.context)
    path = folder / "qq/LC_MESSAGES/console.mo"
    path.parent.mkdir(parents=True)
    path.write_bytes(tool.as_mo(made))
    return folder


class Labels(HTMLParser):
    """Words of the console's own: heads, buttons, labels. What a row is called is somebody's data."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._open: list[tuple[str, bool]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        data = given.get("scope") == "row" or tag in ("code", "kbd", "time", "select", "svg", "pre", "script")
        data = data or "mono" in (given.get("class") or "") or (tag == "a" and "row-link" in (given.get("class") or ""))
        if tag not in ("meta", "link", "input", "br", "img", "use", "path", "rect", "line", "circle"):
            self._open.append((tag, data))

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        tags = {tag for tag, _ in self._open}
        if tags & _LABELS and not any(mine for _, mine in self._open):
            self.found.append(" ".join(data.split()))


def unmarked(html: str) -> set[str]:
    labels = Labels()
    labels.feed(html)
    rest = (re.sub(r"⟦[^⟦⟧]*⟧", "", text) for text in labels.found)
    return {text.strip() for text in rest if re.search(r"[A-Za-z]{3}", text)} - _NEVER - set(AGENTS)


async def test_no_label_is_left_in_english_and_no_page_bursts(locales: Path, browser: Browser) -> None:
    async with showroom(hours=2) as (_, engine):
        app = make_console(engine, locales=locales)
        visitor = Visitor(app, {"fairlead_language": "qq"})
        paths = await addresses(engine)
        told = {path: unmarked((await visitor.get(path)).text) for path in paths}
        assert {path: words for path, words in told.items() if words} == {}
        async with desktop(browser, app, width=390) as one:
            await one.page.context.add_cookies([{"name": "fairlead_language", "value": "qq", "url": one.address}])
            wide: dict[str, int] = {}
            for path in PAGES[:-1]:
                await one.go(path)
                wide[path] = await one.page.evaluate(WIDER)
        assert {path: by for path, by in wide.items() if by > 0} == {}


def test_what_is_left_in_english_would_be_found() -> None:
    page = '<th>⟦Rúns~~⟧</th><th>Left over</th><th scope="row">ada</th><button>⟦Gó~⟧ now</button>'
    assert unmarked(page) == {"Left over", "now"}
