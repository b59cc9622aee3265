"""What connections have in common, and whether that sets them apart."""

import pytest

from tcpdiag.hints.facets import NO_ANSWER, Comparison, Facets, compare, counted, facets
from tcpdiag.hints.hint import FlowHints, Hint


def asked(path: str, host: str = "www") -> Facets:
    return {"protocol": "HTTP", "method": "GET", "host": host, "path": path, "answer": NO_ANSWER}


@pytest.mark.parametrize(
    ("hints", "found"),
    [
        (FlowHints(), {"answer": "none"}),
        (FlowHints(Hint("TLS", sni="a", alpn=("h2", "x"))), {"protocol": "TLS", "sni": "a", "alpn": "h2, x"}),
        (
            FlowHints(Hint("TLS"), Hint("TLS", alert="unknown_ca")),
            {"protocol": "TLS", "answer": "TLS alert unknown_ca"},
        ),
        (FlowHints(Hint("HTTP", path="/"), Hint("HTTP", status=503)), {"path": "/", "answer": "status 503"}),
        (FlowHints(Hint(starts_with="PING"), Hint(starts_with="PONG")), {"starts_with": "PING", "answer": "some"}),
        (FlowHints(None, Hint("SSH", starts_with="SSH-2.0-x")), {"protocol": "SSH", "starts_with": "SSH-2.0-x"}),
    ],
)
def test_of_one_connection(hints: FlowHints, found: Facets) -> None:
    assert found.items() <= facets(hints).items()


def test_what_all_ask_for_is_shared() -> None:
    shared = compare([asked("/a")] * 9, ()).shared
    assert shared == {"protocol": "HTTP", "method": "GET", "host": "www", "path": "/a"}


@pytest.mark.parametrize(
    ("paths", "shared"),
    [
        (["/call/1", "/call/2", "/call/3"], "/call/..."),
        (["/v1/user/1/cart", "/v1/user/2/cart"], "/v1/user/..."),
        (["/a", "/b"], None),
        (["/call/1"] * 9 + ["/other"], "/call/1"),
        (["/call/1"] * 8 + ["/call/2", "/other"], "/call/..."),
        (["/call/1"] * 8 + ["/x", "/other"], None),
        (["/call", "/call/1"], None),
    ],
)
def test_paths_share_the_deepest_folder(paths: list[str], shared: str | None) -> None:
    assert compare([asked(path) for path in paths], ()).shared.get("path") == shared


@pytest.mark.parametrize(
    ("cohort", "others", "apart"),
    [
        ([asked("/slow")] * 5, [asked("/fast")] * 5, True),
        ([asked("/slow/1"), *[asked("/slow/2")] * 5], [asked("/fast")] * 5, True),
        ([asked("/slow")] * 5, [asked("/slow/x")] * 5, True),
        ([asked("/slow")] * 4, [asked("/fast")] * 5, False),  # too few
        ([asked("/slow")] * 5, [asked("/fast")] * 4, False),
        ([asked("/slow")] * 5, [asked("/slow")] * 5, False),
        ([asked("/slow")] * 20, [*[asked("/fast")] * 19, asked("/slow")], True),
        ([asked("/slow")] * 20, [*[asked("/fast")] * 8, asked("/slow")], False),
        ([{"protocol": "TLS"}] * 5, [{"protocol": "HTTP"}] * 5, False),  # a kind of service is no request
        ([asked("/a"), asked("/b")] * 5, [asked("/c", "other")] * 5, True),
    ],
)
def test_what_sets_a_cohort_apart(cohort: list[Facets], others: list[Facets], apart: bool) -> None:
    assert compare(cohort, others).sets_apart is apart


def test_nothing_is_shared_by_nobody() -> None:
    assert compare((), ()) == Comparison({}, 0, 0, 0, 0)


def test_values_are_counted_beside_those_of_the_others() -> None:
    rows = counted([asked("/a")] * 2 + [asked("/b")], [asked("/b")] * 7)["path"]
    assert rows == [{"value": "/a", "count": 2, "others": 0}, {"value": "/b", "count": 1, "others": 7}]


def test_only_the_most_frequent_values_are_listed() -> None:
    assert len(counted([asked(f"/{n}") for n in range(500)], ())["path"]) == 10
