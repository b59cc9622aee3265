"""References: how a section is written and where it is read."""

import pytest

from tcpdiag.rfc import Rfc


@pytest.mark.parametrize(
    ("rfc", "label", "link"),
    [
        (Rfc(9293), "RFC 9293", "https://www.rfc-editor.org/rfc/rfc9293"),
        (Rfc(5961, "3.2"), "RFC 5961 section 3.2", "https://www.rfc-editor.org/rfc/rfc5961#section-3.2"),
        (Rfc(6298, "5"), "RFC 6298 section 5", "https://www.rfc-editor.org/rfc/rfc6298#section-5"),
        (Rfc(9293, "A.2"), "RFC 9293 section A.2", "https://www.rfc-editor.org/rfc/rfc9293#appendix-A.2"),
    ],
)
def test_label_and_link(rfc: Rfc, label: str, link: str) -> None:
    assert (str(rfc), rfc.link) == (label, link)
    assert Rfc.parse(label) == rfc


@pytest.mark.parametrize("text", ["", "RFC", "RFC 0", "see RFC 9293", "RFC 9293 section", 'RFC 1 section 2"onclick=x'])
def test_text_that_is_no_reference_is_none(text: str) -> None:
    assert Rfc.parse(text) is None


@pytest.mark.parametrize(
    ("number", "section"), [(0, None), (-1, "1"), (9293, ""), (9293, "3."), (9293, "3 2"), (1, "#")]
)
def test_what_is_no_section_is_refused(number: int, section: str | None) -> None:
    with pytest.raises(ValueError, match="not an RFC section"):
        Rfc(number, section)
