"""The manual on a terminal."""

import re

import pytest

from tcpdiag.diagnoses import DIAGNOSES, Diagnosis
from tcpdiag.reports import manual

TABLE_HEAD = "| name | default | source |\n|---|---|---|"


@pytest.mark.parametrize("diagnosis", DIAGNOSES, ids=lambda diagnosis: diagnosis.kind)
def test_page_fits_a_terminal_and_keeps_every_word_in_order(diagnosis: Diagnosis) -> None:
    page = manual.render(diagnosis.kind)
    assert max(map(len, page.splitlines())) <= manual.WIDTH
    written = re.sub(r"^## |^```(packets)?$", "", diagnosis.manual.replace(TABLE_HEAD, ""), flags=re.MULTILINE)
    words = re.findall(r"[\w.,:()*+-]+", written)
    assert re.findall(r"[\w.,:()*+-]+", page)[1 : len(words) + 1] == words


def test_examples_are_not_filled_and_thresholds_name_their_defaults() -> None:
    page = manual.render("idle-flow-dropped")
    assert "\nSpeaks\n    +0.00 > S 0:0(0) win 65535\n    +0.01 < S. 0:0(0) ack 1 win 65535\n" in page
    assert "\nThresholds\n  idle_s = 10\n      less is not idle" in page
    assert "```" not in page and "|" not in page and "##" not in page
