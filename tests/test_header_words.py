"""Header text: encoded words as senders write them."""

import pytest

from shared import header_words


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain", "plain"),
        ("=?utf-8?q?caf=C3=A9_au_lait?=", "café au lait"),
        ("=?UTF-8?B?Y2Fmw6k=?=", "café"),
        ("=?utf-8*fr?Q?caf=C3=A9?=", "café"),
        ("un =?utf-8?q?caf=C3=A9?= noir", "un café noir"),
        ("=?utf-8?q?a?= =?utf-8?q?b?=", "ab"),
        ("=?utf-8?q?a?=\r\n =?utf-8?q?b?=", "ab"),
        ("=?utf-8?q?a?==?utf-8?q?b?=", "ab"),
        ("=?utf-8?q?a?= =?latin1?q?=FC?=", "aü"),
        ("=?utf-8?q?caf=C3?= =?utf-8?q?=A9?=", "café"),
        ("=?utf-8?b?Y2Fmww==?= =?utf-8?b?qQ==?=", "café"),
        ("=?utf-8?Q?Hello\r\n _there!?=", "Hello  there!"),
        ("=?utf-8?q?what? yes?=", "what? yes"),
        ("=?utf-8?b?Y2Fmw6k?=", "café"),
        ("[SPAM]=?utf-8?q?caf=C3=A9?=", "[SPAM] café"),
        ("(=?utf-8?q?caf=C3=A9?=)", "(café)"),
        ("=?utf-8?q?a=0D=0ABcc:_b?=", "a Bcc: b"),
        ("=?", "=?"),
        ("=?utf-8?q?never ends", "=?utf-8?q?never ends"),
        ("=?utf-8?x?a?=", "=?utf-8?x?a?="),
        ("=?no-such-charset?q?caf=C3=A9?=", "café"),
    ],
)
def test_encoded_words_become_text(value: str, text: str) -> None:
    assert header_words.text(value.encode()) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b"caf\xc3\xa9", "café"),
        (b"caf\xe9", "café"),
        (b"=?iso-8859-1?q?caf\xe9?=", "café"),
        (b"=?utf-8?q?caf\xc3\xa9?= caf\xe9", "café café"),
        (b"\x1b$B$3$s\x1b(B", "こん"),
    ],
)
def test_raw_bytes_become_text(value: bytes, text: str) -> None:
    assert header_words.text(value) == text


def test_a_value_is_one_line() -> None:
    assert header_words.text(b" a\r\n\tb\r\n c \x00\x07d\r\n") == "a b c \ufffd d"


def test_t26_words_beyond_the_limit_stay_as_they_are() -> None:
    text = header_words.decode_words(b"=?utf-8?q?a?= " * (header_words.MAX_WORDS + 5))
    assert text.count("=?utf-8") == 5
