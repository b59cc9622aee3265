"""Protocols that greet in their own words, and whatever else begins with printable bytes."""

import re
from typing import Final

from ..units import shortened
from .hint import START_MAX, Hint

KNOWN: Final = (
    ("SSH", re.compile(rb"SSH-\d\.\d+-")),  # RFC 4253 section 4.2
    ("IMAP", re.compile(rb"\* (?:OK|PREAUTH|BYE) ")),  # RFC 9051 section 7.1
    ("POP3", re.compile(rb"\+OK[ \r]")),  # RFC 1939 section 3
    ("SMTP", re.compile(rb"220[ -][^\r\n]{0,200}SMTP|(?:EHLO|HELO) ")),  # RFC 5321 section 4.2
    ("FTP", re.compile(rb"220[ -][^\r\n]{0,200}FTP")),  # RFC 959 section 5.4
    ("VNC", re.compile(rb"RFB \d{3}\.\d{3}\n")),  # RFC 6143 section 7.1.1
    ("AMQP", re.compile(rb"AMQP[\0-\3]")),  # AMQP 0-9-1 section 4.2.2, 1.0 section 2.2
    ("Redis", re.compile(rb"\*\d{1,7}\r\n\$\d{1,9}\r\n")),  # RESP: an array of strings
    ("PostgreSQL", re.compile(rb"\0\0..\0\x03\0\0[\w]+\0|\0\0\0\x08\x04\xd2\x16[/\x30]", re.DOTALL)),  # startup, or TLS
    ("MySQL", re.compile(rb".{2}\0\0\x0a[\d.]{3,20}", re.DOTALL)),  # protocol 10: packet length, number 0, version
    ("BGP", re.compile(rb"\xff{16}")),  # RFC 4271 section 4.1: marker
    ("SMB", re.compile(rb"\0\0..[\xfe\xff]SMB", re.DOTALL)),
    ("RTSP", re.compile(rb"[A-Z_]{3,20} \S{1,4096} RTSP/\d")),  # RFC 2326 section 6
    ("SIP", re.compile(rb"[A-Z]{3,20} \S{1,4096} SIP/\d|SIP/\d\.\d \d{3}")),  # RFC 3261 section 7
)
UNQUOTED: Final = ("BGP", "MySQL", "PostgreSQL", "Redis", "SMB")
"""Their first bytes are no text, or a text that may be secret."""
PRINTABLE: Final = re.compile(rb"[ -~]{4,}")
HAS_LETTER: Final = re.compile(rb"[A-Za-z]")


def parse(data: bytes) -> Hint:
    """The protocol where it is certain, and the first printable bytes."""
    protocol = next((name for name, pattern in KNOWN if pattern.match(data)), None)
    return Hint(protocol, starts_with=None if protocol in UNQUOTED else _start(data))


def _start(data: bytes) -> str | None:
    """The beginning of the first line, when there are letters in it."""
    match = PRINTABLE.match(data)
    if match is None or not HAS_LETTER.search(match[0][:START_MAX]):
        return None
    return shortened(match[0].decode("ascii").rstrip(), START_MAX)
