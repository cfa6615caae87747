"""Content-Type and Content-Disposition, as they should be and as they are."""

import pytest

from shared import parameters


def read(line: str | bytes) -> tuple[str, dict[str, str]]:
    found = parameters.read(line if isinstance(line, bytes) else line.encode(), {})
    return found.value, found.parameters


@pytest.mark.parametrize(
    ("line", "value", "given"),
    [
        ("text/plain", "text/plain", {}),
        ("Text/HTML; Charset=UTF-8", "text/html", {"charset": "UTF-8"}),
        ("text / plain ;charset = x", "text/plain", {"charset": "x"}),
        ("text/plain charset=x", "text/plain", {"charset": "x"}),
        ("text/plain>", "text/plain", {}),
        ("a/b; name=foo bar.txt", "a/b", {"name": "foo bar.txt"}),
        ("a/b; name=foo (1).txt; x=y", "a/b", {"name": "foo (1).txt", "x": "y"}),
        ('a/b; name="foo; \\"bar\\".txt"', "a/b", {"name": 'foo; "bar".txt'}),
        ('a/b; name="never ends; x=y', "a/b", {"name": "never ends", "x": "y"}),
        ('a/b; name="C:\\TEMP\\a.png"', "a/b", {"name": "C:\\TEMP\\a.png"}),
        ("a/b; name=one; name=two", "a/b", {"name": "one"}),
        ("a/b; ; junk; x=y;", "a/b", {"x": "y"}),
        ("; filename=x", "", {"filename": "x"}),
        ("", "", {}),
    ],
)
def test_parameters_are_read(line: str, value: str, given: dict[str, str]) -> None:
    assert read(line) == (value, given)


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("a/b; name*=utf-8''caf%C3%A9.txt", "café.txt"),
        ("a/b; name*=iso-8859-1'fr'caf%E9.txt", "café.txt"),
        ("a/b; name*0=one; name*1=two", "onetwo"),
        ("a/b; name*1=two; name*0=one", "onetwo"),
        ("a/b; name*0*=utf-8''caf%C3; name*1*=%A9; name*2=.txt", "café.txt"),
        ("a/b; name*0*=utf-8'fr'a; name*1*=utf-8'fr'b", "ab"),
        ("a/b; name=plain.txt; name*=utf-8''caf%C3%A9.txt", "café.txt"),
        ('a/b; name="=?utf-8?q?caf=C3=A9?=.txt"', "café.txt"),
        ("a/b; name==?utf-8?q?caf=C3=A9?=.txt", "café.txt"),
        ("a/b; name==?utf-8?q?a?= =?utf-8?q?b?=.txt", "ab.txt"),
    ],
)
def test_names_are_decoded(line: str, name: str) -> None:
    assert read(line)[1] == {"name": name}


def test_raw_bytes_are_decoded() -> None:
    assert read(b'a/b; name="caf\xe9.txt"')[1] == {"name": "café.txt"}


def test_an_absent_field_is_empty() -> None:
    assert parameters.read(None, {}) == parameters.Parameterized("")


def test_t26_parameters_beyond_the_limit_are_left_out() -> None:
    issues: dict[str, None] = {}
    line = b"a/b" + b"".join(b"; n*%d=x" % number for number in range(1000))
    found = parameters.read(line, issues)
    assert found.parameters == {"n": "x" * parameters.MAX_PARAMETERS}
    assert list(issues) == ["too_many_parameters"]
