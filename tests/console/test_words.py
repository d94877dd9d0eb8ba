"""Every word of the console can be said in every language it speaks, and nothing is said outside the catalogues."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from jinja2 import Environment, nodes

from fairlead.clock import SystemClock
from fairlead.web.console.language import LOCALES, choose, languages
from tests.console.gallery import gallery
from tests.console.preview import gallery_app
from tests.console.visitor import Visitor

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = ROOT / "fairlead/web/console/templates"
_KNOWN = {"Fairlead", "Esc", "Enter", "Shift", "JSON", "CSV", "UTC", "KB", "MB", "ms", "plain"}
_SAID_BY = re.compile(r"""\b(?:aria-label|title|placeholder|alt)=["']([^"'{}]*[A-Za-z]{2}[^"'{}]*)["']""")


def spoken(html: str) -> str:
    """The text between the tags, but for code and keys."""
    html = re.sub(r"<(code|kbd|script|style)\b.*?</\1>", " ", html, flags=re.DOTALL)
    return re.sub(r'[\w-]+="[^"]*"', " ", re.sub(r"<[^>]*>", " ", html))  # attributes that a macro writes


def literal_words(source: str) -> list[str]:
    """What a template says in its own words, outside the catalogue."""
    tree = Environment(extensions=["jinja2.ext.i18n"]).parse(source)
    told = "\0".join(one.data for one in tree.find_all(nodes.TemplateData))
    words = re.findall(r"[A-Za-z]{2,}", spoken(told))
    return [*(word for word in words if word not in _KNOWN), *_SAID_BY.findall(told)]


@pytest.mark.parametrize("path", sorted(TEMPLATES.rglob("*.html")), ids=lambda path: path.name)
def test_no_template_says_anything_of_its_own(path: Path) -> None:
    assert literal_words(path.read_text()) == []


def test_words_of_a_templates_own_would_be_found() -> None:
    assert literal_words("<p class='x y'>Hello {{ name }}</p><code>fairlead run</code>") == ["Hello"]
    assert literal_words('<a title="Go there" href="/console/{{ x }}/runs">{{ _("Runs") }}</a>') == ["Go there"]


def test_every_catalogue_is_whole_and_compiled() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / ".ci/catalogues.py", "--check"], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_readers_own_choice_comes_before_that_of_the_browser() -> None:
    assert languages() == ("en", "ja", "zh")
    assert choose("ja", "zh-CN,zh;q=0.9") == "ja"
    assert choose("tlh", "fr-FR, zh-CN;q=0.9") == "zh"
    assert choose(None, "fr-FR") == "en" and choose("../../etc", "") == "en"
    assert choose("ja", "ja", folder=LOCALES / "nowhere") == "en"


@pytest.mark.parametrize(("code", "runs"), [("ja", "実行"), ("zh", "运行")])
async def test_a_reader_chooses_a_language_and_keeps_it(code: str, runs: str) -> None:
    visitor = Visitor(gallery_app(gallery(SystemClock().now()), SystemClock()))
    answer = await visitor.submit("/console/preferences", {"language": code, "back": "/console/runs"})
    assert answer.status == 303
    page = (await visitor.get("/console/runs")).page
    assert page.all("html")[0]["lang"] == code
    assert runs in page.said
