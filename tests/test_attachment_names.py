"""Attachment names that are safe."""

import pytest

from shared import attachment_names


@pytest.mark.parametrize(
    ("sent", "safe"),
    [
        ("report.pdf", "report.pdf"),
        ("Größe (1).pdf", "Größe (1).pdf"),
        ("/etc/passwd", "passwd"),
        ("../../etc/passwd", "passwd"),
        ("..\\..\\boot.ini", "boot.ini"),
        ("C:\\TEMP\\a.png", "a.png"),
        ("c:a.png", "a.png"),
        ("a\r\nBcc: b\t.txt", "a Bcc: b .txt"),
        ("a\x07\x7f\x85.txt", "a .txt"),
        ("invoice\u202efdp.exe", "invoicefdp.exe"),
        ("\u2066a\u200b.txt\u2069", "a.txt"),
        ("  a.txt  ", "a.txt"),
    ],
)
def test_t28_a_name_is_a_base_name_without_tricks(sent: str, safe: str) -> None:
    assert attachment_names.safe(sent) == safe


@pytest.mark.parametrize("sent", [None, "", " ", ".", "..", "../", "a/", "\u202e", ". ."])
def test_t28_what_leaves_nothing_is_no_name(sent: str | None) -> None:
    assert attachment_names.safe(sent) is None


def test_a_long_name_keeps_its_extension() -> None:
    name = attachment_names.safe("x" * 1000 + ".pdf")
    assert name == "x" * 251 + ".pdf"
    assert attachment_names.safe("x" * 1000) == "x" * 255
