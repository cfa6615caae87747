"""Files uuencoded into a text."""

import pytest

from shared import uuencoded

FILE = "begin 644 a.txt\n#86)C\n`\nend\n"


def test_a_file_is_taken_out_of_its_text() -> None:
    text, files = uuencoded.take_out(f"before\n{FILE}after\n{FILE}")
    assert text == "before\nafter\n"
    assert [(file.name, file.data) for file in files] == [("a.txt", b"abc")] * 2


@pytest.mark.parametrize(
    "text",
    [
        "begin 644 a.txt\n#86)C\n",
        "begin 644 a.txt\nnot encoded at all\nend\n",
        "to begin 644 a.txt\n#86)C\nend\n",
        "begin with this\nend\n",
        "",
    ],
)
def test_what_is_no_whole_file_stays(text: str) -> None:
    assert uuencoded.take_out(text) == (text, [])


def test_a_body_may_break_off() -> None:
    assert uuencoded.decode(b"begin 644 a\r\n#86)C\r\n") == b"abc"
    assert uuencoded.decode(b"no file") is None


def test_t26_files_beyond_the_limit_stay() -> None:
    text, files = uuencoded.take_out(FILE * 60)
    assert len(files) == uuencoded.MAX_FILES
    assert text == FILE * 10
