"""What parts below the console say is said in the reader's words: errors, and what checks have found."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest

from fairlead.ship.checklist.answer import Answer, By, Found
from fairlead.ship.checklist.items import item_of
from fairlead.ship.verdict import Verdict
from fairlead.web.console import below, found
from fairlead.web.console.format import Format
from fairlead.web.console.language import LOCALES, words
from tests.console.desktop import house
from tests.console.evaluating import Desk
from tests.console.test_pseudo import catalogues

AT = datetime(2026, 11, 27, 9, 0, tzinfo=UTC)
ENGLISH, JAPANESE, CHINESE = (Format(AT, words=words(one)) for one in ("en", "ja", "zh"))


@pytest.mark.parametrize(
    ("said", "japanese", "chinese"),
    [
        ("No run is marked.", "実行が選ばれていません。", "没有选择任何运行。"),
        ("There is no run 7c1e.", "実行 7c1e はありません。", "没有运行 7c1e。"),
        ("sqlite answers in 0.4 ms", "sqlite の応答時間は 0.4 ms", "sqlite 响应时间 0.4 毫秒"),
        (
            "The settings can't be read: No line has arrived in the last 15 minutes.",
            "設定を読み取れません：直近 15 分間にログが届いていません。",
            "无法读取设置：最近 15 分钟没有收到日志。",
        ),
        (
            "12.3 GB of disk free (40% used), 512 MB of memory available",
            "ディスクの空き 12.3 GB（使用率 40%）、利用可能メモリ 512 MB",
            "磁盘剩余 12.3 GB（已用 40%），可用内存 512 MB",
        ),
        (
            "7 of 100 connections, 0 queries run for over 30 s; too few queries since it was started to say",
            "接続数 7 / 100、30 秒を超えるクエリ 0 件。起動後のクエリが少なすぎて判断できません",
            "连接数 7 / 100，运行超过 30 秒的查询 0 个；启动以来查询太少，无法判断",
        ),
        ("93 % of the code, at least 90 %", "コードの 93%、90% 以上が必要", "代码的 93%，至少 90%"),
        ("No run is marked. Go back and choose one.", "実行が選ばれていません。戻って選んでください。",
         "没有选择任何运行。请返回选择一个。"),
        ("unclear; promoted as the setting says", "判定保留。設定に従い昇格", "不明确；按设置全量发布"),
        ("The API key ci has expired.", "API キー ci は有効期限が切れています。", "API 密钥 ci 已过期。"),
    ],
)  # fmt: skip
def test_a_sentence_is_said_with_what_it_was_filled_with(said: str, japanese: str, chinese: str) -> None:
    assert below.in_words(said, JAPANESE) == japanese
    assert below.in_words(said, CHINESE) == chinese
    assert below.in_words(said, ENGLISH) == said


@pytest.mark.parametrize(
    "said", ["", "3 errors in migrate.py", "%(x)s %s 100%", "There is no run", "a; b", "There is no run x" * 500]
)
def test_what_has_no_shape_of_ours_stays(said: str) -> None:
    assert below.in_words(said, JAPANESE) == said
    assert not below.is_known(said, JAPANESE)


def test_a_long_text_that_fits_nothing_costs_little() -> None:
    began = time.process_time()
    below.in_words(("x of y " * 300)[:1999], JAPANESE)
    assert time.process_time() - began < 0.3  # a search of all ways to divide it takes seconds


def test_what_fills_a_place_is_never_filled_itself() -> None:
    assert below.in_words("There is no run %(missing_1)s %d.", JAPANESE) == "実行 %(missing_1)s %d はありません。"


def test_every_sentence_below_is_in_every_catalogue() -> None:
    known = (LOCALES / "below.txt").read_text().splitlines()
    assert known == catalogues().sentences()
    assert len(known) > 400
    for fmt in (JAPANESE, CHINESE):
        assert [text for text in known if fmt.words.gettext(text) == text] == []


def test_a_sentence_that_nobody_brought_into_the_catalogues_would_be_found() -> None:
    source = (
        'def look():\n    """Not this."""\n    return Found(PASS, f"{len(files)} files were seen, {share:.0%} new")\n'
    )
    told = list(catalogues()._spoken(catalogues().ast.parse(source)))
    assert told == ["%(files_0)s files were seen, %(share_2)s new"]
    raised = 'raise Conflict(f"Run {run.id} has ended.", hint="Retry it.")\nraise KeyError("not ours")'
    assert list(catalogues()._raised(catalogues().ast.parse(raised))) == ["Run %(id_1)s has ended.", "Retry it."]


def test_what_a_check_has_found_is_said_in_the_readers_words() -> None:
    item = item_of("tls")
    kept = Answer(item.id, Found(Verdict.FAIL, "http://a is not https: who is on the way reads along."), By.MACHINE,
                  "host", AT)  # fmt: skip
    told = found.of_item(item, kept.found.said, CHINESE)
    assert "http://a" in told and "https" in told and "reads along" not in told


async def test_an_error_is_a_page_in_the_readers_language_even_where_its_words_are_not() -> None:
    async with house({"desk": Desk()}) as at:
        at.visitor.cookies["fairlead_language"] = "ja"
        page = await at.visitor.get("/console/runs/nobody")
        assert (page.status, "実行 nobody はありません。" in page.page.said) == (404, True)
        page = await at.visitor.get("/console/service-levels?window=soon")
        assert page.status == 422
        assert [one.get("lang") for one in page.page.all("p")][:2] == ["en", "en"]
        assert "受け付けられませんでした" in page.page.said and "is no window" in page.page.said
