"""Mails that are made to cost a parser time or memory, each as bytes."""

import base64
from collections.abc import Callable


def attachment_of_25_mb() -> bytes:
    line = base64.b64encode(bytes(range(57))) + b"\r\n"
    return (
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nhello\r\n--b\r\n"
        b"Content-Type: application/pdf; name=a.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + line * (25 * 1024 * 1024 // len(line))
        + b"--b--\r\n"
    )


def levels(depth: int) -> bytes:
    opened = (
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (number, number)
        for number in range(depth)
    )
    closed = (b"--b%d--\r\n" % number for number in reversed(range(depth)))
    return b"".join([*opened, b"Content-Type: text/plain\r\n\r\nhello\r\n", *closed])


def header_of_1_mb() -> bytes:
    return b"Subject: " + b"x" * 1_000_000 + b"\r\n\r\nhello\r\n"


def encoded_words_of_1_mb() -> bytes:
    word = b"=?utf-8?q?caf=C3=A9?=\r\n "
    return b"Subject: " + word * (1_000_000 // len(word)) + b"\r\n\r\nhello\r\n"


def unfinished_encoded_words() -> bytes:
    return b"Subject: " + b"=?utf-8?q?x " * 80_000 + b"\r\n\r\nhello\r\n"


def addresses_32_000() -> bytes:
    people = (b"Name %d <a%d@example.com>" % (number, number) for number in range(32_000))
    return b"To: " + b",\r\n ".join(people) + b"\r\n\r\nhello\r\n"


def quotes_of_40_kb() -> bytes:
    return b"To: " + b'"' * 40_000 + b"\r\n\r\nhello\r\n"


def escaped_quotes_of_40_kb() -> bytes:
    return b'To: "' + b'\\"' * 20_000 + b" <a@example.com>\r\n\r\nhello\r\n"


def nested_comments_2_000() -> bytes:
    nest = b"(" * 2_000 + b"x" + b")" * 2_000
    return b"To: %s a@example.com\r\nDate: %s\r\nFrom: %s\r\n\r\nhello\r\n" % (
        nest,
        nest,
        nest[:2001],
    )


def parts_100_000() -> bytes:
    part = b"--b\r\nContent-Type: text/plain\r\n\r\nx\r\n"
    return b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + part * 100_000 + b"--b--\r\n"


def headers_100_000() -> bytes:
    fields = b"".join(b"X-%d: v\r\n" % number for number in range(100_000))
    return fields + b"Subject: behind\r\n\r\nhello\r\n"


def parameter_of_50_000_segments() -> bytes:
    segments = b";\r\n".join(b" name*%d=aaaa" % number for number in range(50_000))
    return b"Content-Type: application/pdf;\r\n" + segments + b"\r\n\r\nhello\r\n"


def html_of_nested_lists() -> bytes:
    return b"Content-Type: text/html\r\n\r\n" + b"<ul><li>a" * 50_000


def html_of_nested_blocks() -> bytes:
    return b"Content-Type: text/html\r\n\r\n" + b"<div>" * 100_000 + b"x"


def delimiters_that_are_none() -> bytes:
    lines = b"--bx\r\n" * 1_000_000
    return b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n" + lines + b"--b--\r\n"


def text_of_16_mb() -> bytes:
    return b"Content-Type: text/plain; format=flowed\r\n\r\n" + b"> x \r\n" * 2_700_000


def reply_of_attributions() -> bytes:
    return b"Subject: Re: x\r\n\r\n" + b"On a wrote: b On \r\n" * 50_000


def uuencoded_beginnings() -> bytes:
    return b"Subject: x\r\n\r\n" + b"begin 644 a\r\n#86)C\r\n" * 50_000


BOMBS: dict[str, Callable[[], bytes]] = {
    "25 MB attachment": attachment_of_25_mb,
    "1,000 levels": lambda: levels(1_000),
    "10,000 levels": lambda: levels(10_000),
    "1 MB header": header_of_1_mb,
    "1 MB of encoded words": encoded_words_of_1_mb,
    "1 MB of unfinished encoded words": unfinished_encoded_words,
    "32,000 addresses": addresses_32_000,
    "40 kB of quotes in To": quotes_of_40_kb,
    "40 kB of escaped quotes in To": escaped_quotes_of_40_kb,
    "2,000 nested comments": nested_comments_2_000,
    "100,000 parts": parts_100_000,
    "100,000 headers": headers_100_000,
    "RFC 2231 in 50,000 segments": parameter_of_50_000_segments,
    "50,000 nested lists in HTML": html_of_nested_lists,
    "100,000 nested blocks in HTML": html_of_nested_blocks,
    "1,000,000 lines like a delimiter": delimiters_that_are_none,
    "16 MB of flowed text": text_of_16_mb,
    "1 MB of attributions in a reply": reply_of_attributions,
    "50,000 unfinished uuencoded files": uuencoded_beginnings,
}
