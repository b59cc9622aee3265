"""What each stack does with a RST, by where it stands."""

import pytest

from tcpdiag.errors import UsageError
from tcpdiag.model.event import RstClass
from tcpdiag.tcp.profiles import PROFILES, RstAction, action_array, profile_number

C, A = RstClass, RstAction


@pytest.mark.parametrize(
    ("profile", "rst_class", "action"),
    [
        ("strict", C.EXACT, A.OBEY),
        ("strict", C.IN_WINDOW, A.CHALLENGE),
        ("strict", C.FIN_MINUS_ONE, A.IGNORE),
        ("strict", C.BELOW, A.IGNORE),
        ("strict", C.ABOVE, A.IGNORE),
        ("linux", C.FIN_MINUS_ONE, A.OBEY),
        ("linux", C.SACK_EDGE, A.OBEY),
        ("linux", C.IN_WINDOW, A.CHALLENGE),
        ("linux-3.6", C.FIN_MINUS_ONE, A.IGNORE),
        ("linux-3.6", C.IN_WINDOW, A.CHALLENGE),
        ("linux-old", C.IN_WINDOW, A.OBEY),
        ("linux-old", C.BELOW, A.IGNORE),
        ("freebsd", C.EXACT_UNACKED, A.CHALLENGE),
        ("freebsd", C.LAST_ACK, A.OBEY),
        ("macos", C.FIN_MINUS_ONE, A.OBEY),
        ("windows", C.EXACT, A.OBEY),
    ],
)
def test_action(profile: str, rst_class: RstClass, action: RstAction) -> None:
    assert action_array()[profile_number(profile), rst_class] == action


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name)
def test_every_profile_decides_every_class_and_names_its_source(profile) -> None:
    assert set(profile.rst) == set(RstClass)
    assert profile.source


def test_an_unknown_stack_is_a_usage_error_that_lists_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"linux-3\.6"):
        profile_number("plan9")


@pytest.mark.parametrize(
    ("profile", "rst_class", "words"),
    [
        ("strict", C.FIN_MINUS_ONE, "RFC 9293 section 3.10.7.4"),
        ("strict", C.IN_WINDOW, "RFC 5961 section 3.2"),
        ("linux", C.IN_WINDOW, "RFC 5961 section 3.2"),
        ("linux", C.FIN_MINUS_ONE, "RCV.NXT-1 too"),
        ("linux-old", C.IN_WINDOW, "any number in the window"),
        ("freebsd", C.EXACT_UNACKED, "acknowledged already"),
    ],
)
def test_rule_names_its_clause_or_what_the_stack_does_instead(profile: str, rst_class: RstClass, words: str) -> None:
    assert words in PROFILES[profile_number(profile)].rule(rst_class)


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name)
def test_every_class_has_a_rule(profile) -> None:
    assert all(profile.rule(rst_class) for rst_class in RstClass)
