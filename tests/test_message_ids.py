"""Message ids, with and without brackets."""

import pytest

from shared import message_ids


@pytest.mark.parametrize(
    ("value", "ids"),
    [
        (b" <1@example.com>\r\n", ("1@example.com",)),
        (b"<1@x> <2@x>", ("1@x", "2@x")),
        (b"<1@x>\r\n\t<2@x>", ("1@x", "2@x")),
        (b"<1@x><2@x>", ("1@x", "2@x")),
        (b"Your mail of Monday <1@x>", ("1@x",)),
        (b"< 1 @ x >", ("1@x",)),
        (b"<1@x", ("1@x",)),
        (b"1@x, 2@x", ("1@x", "2@x")),
        (b"m", ("m",)),
        (b"<>", ()),
        (b"", ()),
        (None, ()),
    ],
)
def test_ids_are_read(value: bytes | None, ids: tuple[str, ...]) -> None:
    assert message_ids.read(value) == ids
    assert message_ids.first(value) == (ids[0] if ids else None)


def test_t26_ids_beyond_the_limit_are_left_out() -> None:
    assert len(message_ids.read(b"<a@b>" * 1000)) == message_ids.MAX_IDS
