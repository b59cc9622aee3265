"""Other protocols by their greeting, and any bytes at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hints.made import GET, HELLO, alert
from tcpdiag.hints.hint import START_MAX
from tcpdiag.hints.recognise import hint_of, wants_more


@pytest.mark.parametrize(
    ("data", "protocol", "start"),
    [
        (HELLO, "TLS", None),
        (GET, "HTTP", None),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "SSH", "SSH-2.0-OpenSSH_9.6"),
        (b"220 mail.example.com ESMTP Postfix\r\n", "SMTP", "220 mail.example.com ..."),
        (b"220 FTP ready\r\n", "FTP", "220 FTP ready"),
        (b"* OK IMAP4rev1\r\n", "IMAP", "* OK IMAP4rev1"),
        (b"+OK POP3 ready\r\n", "POP3", "+OK POP3 ready"),
        (b"*2\r\n$4\r\nAUTH\r\n$6\r\nsecret\r\n", "Redis", None),
        (b"\0\0\0\x29\0\3\0\0user\0alice\0database\0shop\0\0", "PostgreSQL", None),
        (b"\0\0\0\x08\x04\xd2\x16\x2f", "PostgreSQL", None),
        (b"\x4a\0\0\0\x0a8.0.36\0", "MySQL", None),
        (b"AMQP\0\0\x09\1", "AMQP", "AMQP"),
        (b"PING 1\nPING 2\n", None, "PING 1"),
        (b'{"op": "subscribe", "channel": 7}', None, '{"op": "subscribe", "...'),
        (b"\x01\x02\x03\x04", None, None),
        (b"1234 5678", None, None),
        (b"", None, None),
    ],
)
def test_protocol_and_first_words(data: bytes, protocol: str | None, start: str | None) -> None:
    hint = hint_of(data)
    assert (hint.protocol, hint.starts_with) == (protocol, start)


@given(st.binary(max_size=500))
def test_no_bytes_raise_anything(data: bytes) -> None:
    hint = hint_of(data)
    assert len(hint.starts_with or "") <= START_MAX
    assert wants_more(data) in (True, False)
    assert hint_of(alert(data[0]) if data else b"").sni is None
