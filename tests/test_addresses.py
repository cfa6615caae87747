"""Address lists, as they should be and as they are."""

import pytest

from shared import addresses


def people(value: str | bytes) -> list[tuple[str, str]]:
    found, _ = addresses.read(value if isinstance(value, bytes) else value.encode())
    return [(person.name, person.address) for person in found]


@pytest.mark.parametrize(
    ("value", "name", "address"),
    [
        ("ann@example.com", "", "ann@example.com"),
        ("<ann@example.com>", "", "ann@example.com"),
        ("Ann Lee <ann@example.com>", "Ann Lee", "ann@example.com"),
        ('"Lee, Ann \\"A\\"" <ann@example.com>', 'Lee, Ann "A"', "ann@example.com"),
        ("ann@example.com (Ann Lee)", "Ann Lee", "ann@example.com"),
        ("ann@example.com <ann@example.com>", "ann@example.com", "ann@example.com"),
        ("=?utf-8?q?J=C3=BCrgen?= <j@example.com>", "Jürgen", "j@example.com"),
        ("=?utf-8?q?Lee=2C_Ann?= <ann@example.com>", "Lee, Ann", "ann@example.com"),
        ('"=?utf-8?q?J=C3=BCrgen?=" <j@example.com>', "Jürgen", "j@example.com"),
        ("Ann\r\n Lee\r\n\t<ann@example.com>", "Ann Lee", "ann@example.com"),
        ("Ann <@a.example,@b.example:ann@example.com>", "Ann", "ann@example.com"),
        ("Ann <ann @ example . com>", "Ann", "ann@example.com"),
        ("ann@example . com", "", "ann@example.com"),
        ("Ann <mailto:ann@example.com>", "Ann", "ann@example.com"),
        ("Ann(\\) friend)<ann(x)@(y)example.com>", "Ann", "ann@example.com"),
        ('"ann lee"@example.com', "", '"ann lee"@example.com'),
        ("ann@[IPv6:::1]", "", "ann@[IPv6:::1]"),
        ("Ann <ann@[IPv6:::1]>", "Ann", "ann@[IPv6:::1]"),
        ("Ann (Sales <ann@example.com>", "Ann Sales", "ann@example.com"),
        ("root", "", "root"),
        ("Ann Lee", "Ann Lee", ""),
    ],
)
def test_one_person_is_read(value: str, name: str, address: str) -> None:
    assert people(value) == [(name, address)]


@pytest.mark.parametrize(
    "value",
    [
        "a@x, b@y",
        "a@x; b@y",
        "a@x,, b@y,",
        "Friends: a@x, b@y;",
        "Friends: a@x; Others (x): b@y; (end)",
        "<a@x> <b@y>",
        "<a@x, b@y",
    ],
)
def test_lists_and_groups_are_read(value: str) -> None:
    assert [address for _, address in people(value)] == ["a@x", "b@y"]


@pytest.mark.parametrize("value", ["", " ", ",", ";", "Undisclosed recipients:;", "<>", "(x)"])
def test_nobody_is_nobody(value: str) -> None:
    assert people(value) == []


def test_raw_bytes_are_decoded() -> None:
    assert people(b"J\xfcrgen <j@b\xc3\xbccher.example>") == [("Jürgen", "j@bücher.example")]


def test_t26_people_beyond_the_limit_are_left_out() -> None:
    found, more = addresses.read(b"a@x," * 50, limit=10)
    assert (len(found), more) == (10, True)
    assert addresses.read(b"a@x," * 10, limit=10)[1] is False
