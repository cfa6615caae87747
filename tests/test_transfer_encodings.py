"""Transfer encodings, whole and broken."""

import pytest

from shared import transfer_encodings


@pytest.mark.parametrize(
    ("data", "encoding", "decoded"),
    [
        (b"aGVsbG8=\r\n", "base64", b"hello"),
        (b"aGVsbG8=", "BASE64 ", b"hello"),
        (b"aGVs\r\nbG8=\r\n", "base64", b"hello"),
        (b"caf=C3=A9=\r\n!", "quoted-printable", b"caf\xc3\xa9!"),
        (b"soft=  \r\nbreak", "quoted-printable", b"softbreak"),
        (b"100=% =zz", "quoted-printable", b"100=% =zz"),
        (b"begin 644 a\r\n#86)C\r\n`\r\nend\r\n", "x-uuencode", b"abc"),
        (b"a=41", "7bit", b"a=41"),
        (b"a=41", "8 bit", b"a=41"),
        (b"a=41", "", b"a=41"),
    ],
)
def test_a_body_is_decoded(data: bytes, encoding: str, decoded: bytes) -> None:
    assert transfer_encodings.decode(data, encoding) == (decoded, None)


@pytest.mark.parametrize(
    ("data", "decoded"),
    [
        (b"aGVsbG8", b"hello"),
        (b"aGVsbG9oZWxsb2!hlbGxvaGVsbG8=", b"hellohellohellohello"),
        (b"aGVsbG8aa", b"hello\x1a"),
        (b"aGVsbG8=\r\naGVsbG8=\r\n", b"hellohello"),
        (b"aGVsbG9oZWxsb2hlbGxvaGVsbG8= ignored", b"hellohellohellohello"),
        (b"Dear Ann, this is no base64!", b"Dear Ann, this is no base64!"),
        (b"", b""),
    ],
)
def test_broken_base64_gives_what_it_can(data: bytes, decoded: bytes) -> None:
    assert transfer_encodings.decode(data, "base64")[0] == decoded


def test_what_was_broken_is_said() -> None:
    assert transfer_encodings.decode(b"aGVsbG8=\r\naGVsbG8=", "base64")[1] == "encoding_wrong"
    assert transfer_encodings.decode(b"no file", "x-uuencode") == (b"no file", "encoding_wrong")
    assert transfer_encodings.decode(b"x", "rot13") == (b"x", "encoding_unknown")
