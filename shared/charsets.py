"""Bytes and a charset's label to text, as mail means the label. Pure.

As browsers do (WHATWG Encoding Standard): latin-1 and ascii mean windows-1252, gb2312 means GBK,
euc-kr means windows-949. Nothing raises, and no text has a NUL or half of a surrogate pair.
"""

import codecs
import re
from encodings.aliases import aliases
from functools import lru_cache

CHARSET_UNKNOWN = "charset_unknown"
CHARSET_WRONG = "charset_wrong"

_MEANT = {
    "ascii": "utf-8",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "big5": "cp950",
    "euc_kr": "cp949",
    "shift_jis": "cp932",
    "iso2022_jp": "iso2022_jp_ext",
}
_MORE_LABELS = {
    "ks_c_5601": "cp949",
    "ksc_5601": "cp949",
    "x_windows_949": "cp949",
    "gb_2312_80": "gb18030",
    "iso_2022_jp_ms": "iso2022_jp_ext",
    "x_sjis": "cp932",
    "windows_31j": "cp932",
    "x_gbk": "gb18030",
    "x_euc_jp": "euc_jp",
    "x_euc_kr": "cp949",
    "x_big5": "big5",
    "x_mac_roman": "mac_roman",
    "x_mac_cyrillic": "mac_cyrillic",
    "macintosh": "mac_roman",
    "iso_8859_8_i": "iso8859-8",
    "iso_8859_8_e": "iso8859-8",
    "unicode_1_1_utf_7": "utf-7",
    "unicode_1_1_utf_8": "utf-8",
    "utf8mb4": "utf-8",
    "unicode": "utf-16",
    "koi8": "koi8-r",
    "koi8_u": "koi8-u",
    "koi8_ru": "koi8-u",
    "cp874": "cp874",
    "utf_8_sig": "utf-8-sig",
}
# Codecs of Python that are not charsets: escapes, domain names (with quadratic work), the host's.
_NOT_CHARSETS = {
    "idna",
    "mbcs",
    "oem",
    "punycode",
    "raw_unicode_escape",
    "undefined",
    "unicode_escape",
}
_WINDOWS = re.compile(r"(?:x_)?(?:windows|win|cp|ms|ibm|dos)_?(\d{3,5})")
_NOT_TEXT = re.compile("[\x00\ud800-\udfff]")


def decode(data: bytes, label: str | None) -> tuple[str, str | None]:
    """Text, and an issue code where the label is unknown or does not fit the bytes."""
    name = codec(label) if label else None
    text, fits = _decoded(data, name or _guessed(data))
    if label and name is None:
        return clean(text), CHARSET_UNKNOWN
    return clean(text), None if fits else CHARSET_WRONG


def codec(label: str) -> str | None:
    """The name of Python's codec for a label; None where the label names no charset."""
    first_word = label[:100].strip(" \t\"'").partition("(")[0].partition(" ")[0]
    return _codec(re.sub(r"[^a-z0-9]+", "_", first_word.lower()).strip("_"))


@lru_cache(256)
def _codec(key: str) -> str | None:
    """Only what the standard library lists is looked up: it would search the disk for the rest."""
    windows = _WINDOWS.fullmatch(key)
    names = (key, key.replace("_", ""), f"cp{windows[1]}" if windows else "")
    known = next(
        (found for name in names if (found := _MORE_LABELS.get(name) or _known(name))), None
    )
    if known is None or known in _NOT_CHARSETS:
        return None
    try:
        info = codecs.lookup(known)
        "".encode(known)  # refuses what encodes bytes to bytes
    except LookupError:
        return None
    return _MEANT.get(info.name, info.name)


def clean(text: str) -> str:
    """The text with U+FFFD for each NUL and each half of a surrogate pair."""
    if not _NOT_TEXT.search(text):
        return text
    whole = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return whole.replace("\x00", "\ufffd")


def _known(name: str) -> str | None:
    return name if name in _CODECS else aliases.get(name)


def _guessed(data: bytes) -> str:
    return "iso2022_jp_ext" if b"\x1b$" in data and data.isascii() else "utf-8"


def _decoded(data: bytes, name: str) -> tuple[str, bool]:
    """The text and whether the bytes fit; what does not fit is taken for what is likeliest."""
    try:
        return data.decode(name), True
    except UnicodeDecodeError:
        pass
    if name == "cp1252":
        return _windows_1252(data), True
    if name.startswith(("utf-16", "utf-32")):
        return data[: len(data) // 2 * 2].decode(name, "replace"), False
    if name != "utf-8":
        try:
            return data.decode("utf-8"), False
        except UnicodeDecodeError:
            return data.decode(name, "replace"), False
    patched = data.decode("utf-8", "replace")
    bad = patched.count("\ufffd")
    good = len(patched) - len(patched.encode("ascii", "ignore")) - bad
    # Whole characters of several bytes are no accident: then the rest is damage.
    return (patched if good >= bad else _windows_1252(data)), False


def _windows_1252(data: bytes) -> str:
    try:
        return data.decode("cp1252")
    except UnicodeDecodeError:  # five bytes are not assigned; browsers read them as controls
        return data.decode("latin-1").translate(_CP1252)


_CODECS = frozenset(aliases.values())
_CP1252 = {byte: bytes([byte]).decode("cp1252", "ignore") or chr(byte) for byte in range(128, 160)}
