"""`--redact` and `--redact-key` of the commands."""

from pathlib import Path

import pytest

import tcpdiag
from cli.run import tcpdiag as command
from redaction.searching import CLIENT, KEY, REDACTOR, SERVER, address_spellings, found_in


def test_a_key_file_gives_the_same_names_everywhere(secret: Path, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_bytes(KEY)
    text = command("analyze", "--redact-key", key, secret).stdout
    flows = command("flows", "--redact-key", key, "--format", "csv", secret).stdout
    timeline = command("timeline", "--redact-key", key, "--flow", "0", secret).stdout
    svg = tmp_path / "held.svg"
    command("plot", "--redact-key", key, "--kind", "held", "--endpoint", f"{SERVER}:80", "-o", svg, secret)
    server = f"{REDACTOR.address(SERVER)}:80"
    for output in (text, flows, timeline, svg.read_text()):
        assert server in output
        assert not list(found_in(output, [*address_spellings(SERVER), *address_spellings(CLIENT), "zugspitze"]))
    assert text == tcpdiag.analyze(secret).redacted(KEY).to_text()


def test_a_random_key_is_another_one_each_time(secret: Path) -> None:
    first, second = (command("flows", "--redact", secret).stdout for _ in range(2))
    assert first != second and CLIENT not in first + second


def test_standard_input_is_redacted_with_its_hints(secret: Path) -> None:
    done = command("analyze", "--redact", "--format", "json", "-", stdin=secret.read_bytes())
    assert "host-" in done.stdout and "zugspitze" not in done.stdout.lower()


@pytest.mark.parametrize(("content", "words"), [(b"short", "16 to 4096 bytes"), (None, "No such file")])
def test_a_file_that_is_no_key_is_refused(content: bytes | None, words: str, tmp_path: Path, secret: Path) -> None:
    key = tmp_path / "key"
    if content is not None:
        key.write_bytes(content)
    done = command("analyze", "--redact-key", key, secret, check=2)
    assert words in done.stderr and done.stdout == ""
