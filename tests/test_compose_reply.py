"""What a reply takes from its original."""

import pytest

from shared import compose_reply
from shared.compose import Thread


def header(**fields: str) -> bytes:
    lines = (f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())
    return "".join(lines).encode() + b"\r\n"


@pytest.mark.parametrize(
    ("fields", "references"),
    [
        ({}, ("1@x",)),
        ({"References": "<a@x>\r\n <b@x>"}, ("a@x", "b@x", "1@x")),
        ({"References": "<a@x>", "In-Reply-To": "<b@x>"}, ("a@x", "1@x")),
        ({"In-Reply-To": "<b@x>"}, ("b@x", "1@x")),
        ({"In-Reply-To": "<b@x> <c@x>"}, ("1@x",)),
        ({"References": "<1@x> <a@x>"}, ("a@x", "1@x")),
        ({"References": "<ä@x> <a@x>"}, ("a@x", "1@x")),
    ],
)
def test_references_are_the_originals_and_its_own_id(
    fields: dict[str, str], references: tuple[str, ...]
) -> None:
    found = compose_reply.answered(header(**{"Message-ID": "<1@x>"} | fields))
    assert found.thread == Thread("1@x", references)


def test_of_many_references_the_first_and_the_last_stay() -> None:
    many = " ".join(f"<{number}@x>" for number in range(100))
    thread = compose_reply.answered(header(Message_ID="<last@x>", References=many)).thread
    assert thread and len(thread.references) == 30
    assert thread.references[:2] == ("0@x", "72@x") and thread.references[-1] == "last@x"


def test_a_mail_without_an_id_is_answered_without_a_thread() -> None:
    found = compose_reply.answered(header(Subject="=?utf-8?q?Gr=C3=BC=C3=9Fe?="))
    assert found == compose_reply.Answered(None, "Grüße")


@pytest.mark.parametrize(
    ("original", "reply"),
    [
        ("Hello", "Re: Hello"),
        ("Re: Hello", "Re: Hello"),
        ("RE:Hello", "RE:Hello"),
        ("AW: Hallo", "AW: Hallo"),
        ("Re[2]: Hello", "Re[2]: Hello"),
        ("回复：你好", "回复：你好"),
        ("Fwd: Hello", "Re: Fwd: Hello"),
        ("Release: 1.0", "Re: Release: 1.0"),
        ("", "Re:"),
    ],
)
def test_re_is_there_once(original: str, reply: str) -> None:
    assert compose_reply.subject(original) == reply
