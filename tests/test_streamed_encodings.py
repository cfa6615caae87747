"""Streamed encodings: what comes out does not depend on where the pieces were cut."""

import base64
import quopri
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import transfer_encodings
from shared.streamed_encodings import decoded

_cuts = st.lists(st.integers(1, 40), max_size=30)
_lines = st.integers(1, 80)


def pieces(data: bytes, cuts: list[int]) -> Iterator[bytes]:
    for size in cuts:
        if data[:size]:
            yield data[:size]
        data = data[size:]
    if data:
        yield data


def together(data: bytes, encoding: str, cuts: list[int]) -> bytes:
    return b"".join(decoded(pieces(data, cuts), encoding))


@given(st.binary(max_size=400), _lines, _cuts)
def test_base64_in_lines_of_any_length(data: bytes, line: int, cuts: list[int]) -> None:
    encoded = base64.b64encode(data)
    lines = [encoded[at : at + line] for at in range(0, len(encoded), line)]
    assert together(b"\r\n".join(lines) + b"\r\n", "Base64", cuts) == data


@given(st.binary(max_size=400), _cuts)
def test_quoted_printable(data: bytes, cuts: list[int]) -> None:
    encoded = quopri.encodestring(data).replace(b"\n", b"\r\n")
    whole, _ = transfer_encodings.decode(encoded, "quoted-printable")
    assert together(encoded, "quoted-printable", cuts) == whole


@given(st.binary(max_size=200), st.sampled_from(["", "7bit", "binary", "rot13"]), _cuts)
def test_what_is_not_encoded_is_as_it_came(data: bytes, encoding: str, cuts: list[int]) -> None:
    assert together(data, encoding, cuts) == data


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (b"aGVsbG8=\r\naGVsbG8=\r\n", "base64"),
        (b"aGVsbG9oZWxsb2!hlbGxvaGVsbG8=", "base64"),
        (b"aGVsbG9oZWxsb2hlbGxvaGVsbG8= ignored", "base64"),
        (b"aGVsbG8aa", "base64"),
        (b"Dear Ann, this is no base64!", "base64"),
        (b"", "base64"),
        (b"begin 644 a\r\n#86)C\r\n`\r\nend\r\n", "x-uuencode"),
    ],
)
@pytest.mark.parametrize("cuts", [[], [12], [20, 4], [24]])
def test_what_is_broken_gives_what_the_whole_gives(
    data: bytes, encoding: str, cuts: list[int]
) -> None:
    assert together(data, encoding, cuts) == transfer_encodings.decode(data, encoding)[0]
