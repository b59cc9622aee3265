"""The HTML report in a real browser: clicked, typed into, sorted, copied from."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import tcpdiag
from places import FIXTURES
from reports import made
from reports.browser.chromium import Chromium, installed
from tcpdiag.model.finding import Sentence, Severity
from tcpdiag.report import Report

pytestmark = pytest.mark.skipif(installed() is None, reason="no Chromium: apt-get install chromium")

FIRST = "#findings tbody tr:first-child"
COPIED = "document.querySelector('dd.filter .copy').textContent === 'Copied'"
WIDTHS = (1280, 390)


def mixed() -> Report:
    """60 findings of three kinds over the three connections, one of them with hostile text."""
    kinds = ("half-open", "rst-off-sequence", "syn-unanswered")
    findings = [
        made.finding(
            kinds[number % 3],
            number,
            title=f"Finding {number}",
            severity=Severity(number % 4),
            streams=(number % 3,),
            frames=tuple(range(1, number + 1)),
        )
        for number in range(1, 60)
    ]
    hostile = "<img src=x onerror=alert(1)></script><script>alert(2)</script>"
    findings.append(made.finding(number=60, title=hostile, story=(Sentence(hostile, (60,)),), frames=(60,)))
    return made.report(findings=tuple(findings), incidents=())


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    chromium = Chromium(tmp_path_factory.mktemp("profile"))
    yield chromium
    chromium.close()


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "mixed.html"
    mixed().to_html(path)
    return path


@pytest.fixture
def opened(browser: Chromium, page: Path) -> Iterator[Chromium]:
    """The page, new; and after the test, that it complained of nothing and asked nobody for anything."""
    browser.screen(1280)
    browser.open(page)
    yield browser
    assert complaints(browser) == []
    assert requests(browser) == [page.as_uri()]


def complaints(browser: Chromium) -> list[Any]:
    """Messages on the console, errors, and what the browser refused."""
    kinds = ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded", "Page.javascriptDialogOpening")
    return [event for event in browser.events if event.get("method") in kinds]


def requests(browser: Chromium) -> list[str]:
    """Addresses that were asked for; what stands in the page itself is none."""
    urls = [
        str(event["params"]["request"]["url"])
        for event in browser.events
        if event.get("method") == "Network.requestWillBeSent"
    ]
    return [url for url in urls if not url.startswith("data:")]


def test_filter_leaves_the_rows_that_have_all_words(opened: Chromium) -> None:
    opened.click("#findings input")
    opened.type("finding half-open 5")
    (count, _) = opened.texts("output")
    titles = opened.texts("#findings tbody .open")
    kinds = opened.texts("#findings tbody td:nth-child(3)")
    assert 0 < len(titles) < 20
    assert count == f"1–{len(titles)} of {len(titles)}"
    assert set(kinds) == {"half-open"}


def test_filter_that_fits_nothing_says_so(opened: Chromium) -> None:
    opened.click("#findings input")
    opened.type("no such words")
    assert opened.texts("output")[0] == "0"
    assert opened.texts("#findings tbody tr") == []


def test_choice_of_a_severity(opened: Chromium) -> None:
    opened.evaluate(
        "(menu => { menu.value = '3'; menu.dispatchEvent(new Event('change')); })"
        "(document.querySelector('#findings select'))"
    )
    assert set(opened.texts("#findings tbody td:first-child")) == {"CRITICAL"}
    assert opened.texts("output")[0] == "1–16 of 16"


def test_heading_sorts_and_a_second_click_turns_the_order(opened: Chromium) -> None:
    heading = "#findings th:nth-child(6)"
    opened.click(f"{heading} button")
    assert opened.texts(f"{FIRST} td:nth-child(6)") == ["59"]
    assert opened.evaluate(f"document.querySelector('{heading}').ariaSort") == "descending"
    opened.click(f"{heading} button")
    assert opened.texts(f"{FIRST} td:nth-child(6)") == ["1"]
    assert opened.evaluate("document.querySelectorAll('#findings th[aria-sort]').length") == 1


def test_words_sort_as_numbers_where_they_have_some(opened: Chromium) -> None:
    opened.click("#findings th:nth-child(2) button")
    assert opened.texts("#findings tbody .open")[1:4] == ["Finding 1", "Finding 2", "Finding 3"]


def test_more_rows_come_page_by_page(opened: Chromium) -> None:
    assert opened.texts("output")[0] == "1–25 of 60"
    opened.click("#findings .pages button:last-child")
    opened.click("#findings .pages button:last-child")
    assert opened.texts("output")[0] == "51–60 of 60"
    assert opened.evaluate("document.querySelector('#findings .pages button:last-child').disabled") is True
    opened.click("#findings .pages button:first-child")
    assert opened.texts("output")[0] == "26–50 of 60"


def test_row_opens_with_its_story_and_closes(opened: Chromium) -> None:
    opened.click("#findings th:nth-child(2) button")
    opened.click("#findings tbody tr:nth-child(2) .open")
    (text,) = opened.texts("#findings tr.opened")
    assert "The server had the client's FIN [92] and acknowledged it" in text
    assert "set TCP_USER_TIMEOUT on the server" in text
    assert "tcp.stream == 1 && frame.number == 1" in text
    opened.click("#findings tbody tr:nth-child(2) .open")
    assert opened.texts("#findings tr.opened") == []


def test_connection_opens_with_its_findings_and_its_filter(opened: Chromium) -> None:
    opened.click("#flows tbody .open")
    (text,) = opened.texts("#flows tr.opened")
    assert "tcp.stream == 0" in text
    assert "Finding 3\n" in text


def test_display_filter_is_copied(opened: Chromium) -> None:
    opened.call("Browser.grantPermissions", permissions=["clipboardReadWrite", "clipboardSanitizedWrite"])
    opened.click("dd.filter .copy")
    opened.until(COPIED)
    (shown,) = opened.texts("dd.filter code")[:1]
    assert opened.evaluate("navigator.clipboard.readText()") == shown
    assert shown.startswith("tcp.stream == ")


def test_display_filter_is_copied_where_the_clipboard_is_forbidden(opened: Chromium) -> None:
    opened.call("Browser.grantPermissions", permissions=["clipboardReadWrite", "clipboardSanitizedWrite"])
    opened.evaluate("navigator.clipboard.writeText('before')")
    opened.evaluate("navigator.clipboard.writeText = () => Promise.reject(new Error('forbidden'))")
    opened.click("dd.filter .copy")
    opened.until(COPIED)
    assert opened.evaluate("navigator.clipboard.readText()") == opened.texts("dd.filter code")[0]


def test_hostile_text_stays_text(opened: Chromium) -> None:
    opened.click("#findings input")
    opened.type("onerror")
    opened.click("#findings tbody .open")
    assert "<img src=x onerror=alert(1)></script>" in opened.texts("#findings tr.opened")[0]
    assert opened.evaluate("document.querySelectorAll('img, #findings script').length") == 0


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", WIDTHS)
def test_page_is_as_wide_as_the_screen(browser: Chromium, tmp_path: Path, width: int, dark: bool) -> None:
    path = tmp_path / "office.html"
    tcpdiag.analyze(FIXTURES / "office" / "office.pcap").to_html(path)
    browser.screen(width, dark=dark, mobile=width < 700)
    browser.open(path)
    assert browser.evaluate("document.documentElement.scrollWidth") <= width
    assert browser.evaluate("document.querySelectorAll('figure svg').length") == 2
    ground = browser.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == ("rgb(20, 24, 28)" if dark else "rgb(255, 255, 255)")
    assert (complaints(browser), requests(browser)) == ([], [path.as_uri()])


def test_incident_and_first_rows_are_there_without_the_script(browser: Chromium, page: Path) -> None:
    browser.screen(1280)
    browser.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        browser.open(page)
        document = browser.call("DOM.getDocument")["root"]["nodeId"]
        rows = browser.call("DOM.querySelectorAll", nodeId=document, selector="#findings tbody tr")["nodeIds"]
        shown = browser.call("DOM.querySelectorAll", nodeId=document, selector=".incident .story li")["nodeIds"]
        controls = browser.call("DOM.querySelectorAll", nodeId=document, selector="form:not([hidden])")["nodeIds"]
    finally:
        browser.call("Emulation.setScriptExecutionDisabled", value=False)
    assert len(rows) == 25
    assert shown
    assert controls == []


def test_ten_thousand_findings_open_and_answer(browser: Chromium, tmp_path: Path) -> None:
    findings = tuple(made.finding(number=number, title=f"Finding {number}") for number in range(1, 10_001))
    path = tmp_path / "many.html"
    made.report(findings=findings, incidents=()).to_html(path, figures=False)
    browser.screen(1280)
    browser.open(path)
    start = time.monotonic()
    browser.click("#findings th:nth-child(2) button")
    assert browser.texts(f"{FIRST} .open") == ["Finding 1"]
    assert time.monotonic() - start < 2
    browser.click("#findings input")
    browser.type("finding 9999")
    assert browser.texts("#findings tbody .open") == ["Finding 9999"]
