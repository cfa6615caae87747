"""Charset labels as mail means them."""

import pytest

from shared import charsets


@pytest.mark.parametrize(
    ("data", "label", "text"),
    [
        (b"\x80 \x93a\x94", "iso-8859-1", "€ “a”"),
        (b"gr\xc3\xbcn", "us-ascii", "grün"),
        (b"\x81\x8d", "windows-1252", "\x81\x8d"),
        ("镕".encode("gbk"), "gb2312", "镕"),
        ("똠".encode("cp949"), "ks_c_5601-1987", "똠"),
        ("①".encode("cp932"), "shift_jis", "①"),
        ("こん".encode("iso2022_jp"), "ISO-2022-JP", "こん"),
        ("привет".encode("koi8-r"), '"KOI8-R"', "привет"),
        ("ä".encode("utf-16"), "utf-16", "ä"),
        (b"+AOQ-", "utf-7", "ä"),
        (b"\xa4", "ISO-8859-15 (Latin 9)", "€"),
    ],
)
def test_a_label_means_what_senders_mean(data: bytes, label: str, text: str) -> None:
    assert charsets.decode(data, label) == (text, None)


@pytest.mark.parametrize("label", [None, ""])
def test_without_a_label_utf_8_is_tried_first(label: str | None) -> None:
    assert charsets.decode("grün".encode(), label) == ("grün", None)
    assert charsets.decode("grün".encode("cp1252"), label)[0] == "grün"


@pytest.mark.parametrize(
    ("data", "label", "text"),
    [
        (b"gr\xfcn", "utf-8", "grün"),
        ("grünes Gemüse ".encode() + b"\xff", "utf-8", "grünes Gemüse \ufffd"),
        ("日本".encode(), "euc-kr", "日本"),
    ],
)
def test_a_wrong_label_is_repaired(data: bytes, label: str, text: str) -> None:
    assert charsets.decode(data, label)[0] == text


def test_a_wrong_label_is_said() -> None:
    assert charsets.decode(b"gr\xfcn", "utf-8")[1] == "charset_wrong"
    assert charsets.decode(b"x", "x-unheard-of")[1] == "charset_unknown"


@pytest.mark.parametrize(
    "label", ["base64", "zlib", "hex", "rot13", "idna", "punycode", "unicode_escape", "../x", "é"]
)
def test_what_python_calls_a_codec_need_not_be_a_charset(label: str) -> None:
    assert charsets.codec(label) is None


def test_f24_a_text_has_no_nul_and_no_half_of_a_pair() -> None:
    assert charsets.clean("a\x00b\ud800c\ud83d\ude00") == "a\ufffdb\ufffdc😀"
