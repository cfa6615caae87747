"""The newest part of replies, as programs in many languages write them."""

import pytest

from shared import reply_text

QUOTED = "> Shall we?\n> Ann\n"


@pytest.mark.parametrize(
    "heading",
    [
        "On Tue, 30 Jan 2024 at 12:00, Ann Lee <ann@example.com> wrote:",
        "On Tue, 30 Jan 2024 at 12:00, Ann Lee\n<ann@example.com> wrote:\n",
        "Am 30.01.2024 um 12:00 schrieb Ann Lee <ann@example.com>:",
        "Le 30 janv. 2024 à 12:00, Ann Lee <ann@example.com> a écrit :",
        "El mar, 30 ene 2024 a las 12:00, Ann Lee (<ann@example.com>) escribió:\n",
        "Op di 30 jan 2024 om 12:00 schreef Ann Lee <ann@example.com>:\n",
        "Il giorno mar 30 gen 2024 alle ore 12:00 Ann Lee <ann@example.com> ha scritto:",
        "2024年1月30日(火) 12:00 Ann Lee <ann@example.com>:",
        "",
    ],
)
def test_what_is_quoted_goes_with_its_heading(heading: str) -> None:
    assert reply_text.newest(f"Yes,\nat ten.\n\n{heading}\n{QUOTED}") == "Yes,\nat ten."


@pytest.mark.parametrize(
    "heading",
    [
        "From: Ann Lee <ann@example.com>\nSent: Tuesday\nTo: Bob\nSubject: Shall we?",
        "Von: Ann Lee\nGesendet: Dienstag\nAn: Bob\nBetreff: Shall we?",
        "De : Ann Lee\nEnvoyé : mardi\nÀ : Bob\nObjet : Shall we?",
        "-----Original Message-----\nFrom: Ann Lee",
    ],
)
@pytest.mark.parametrize("line", ["", "________________________________\n"])
def test_what_is_below_a_header_goes_with_it(heading: str, line: str) -> None:
    assert reply_text.newest(f"Yes.\n\nBob\n\n{line}{heading}\n\nShall we?\nAnn") == "Yes.\n\nBob"


def test_answers_between_quotes_stay() -> None:
    text = "On 30 Jan 2024 Ann wrote:\n> One?\nYes.\n> Two?\nNo.\n"
    assert reply_text.newest(text) == "Yes.\nNo."


@pytest.mark.parametrize(
    "text", ["Yes.\n\n- one\n- two\n\n-- \nBob", "  indented\ntext", "Note: a\nb"]
)
def test_what_quotes_nothing_stays_as_it_is(text: str) -> None:
    assert reply_text.newest(text) == text


@pytest.mark.parametrize("text", [QUOTED, "\n\n> x\n", "", "\n"])
def test_what_only_quotes_is_kept_whole(text: str) -> None:
    assert reply_text.newest(text) == text


@pytest.mark.parametrize("subject", ["Re: x", "RE[2]: x", "AW: x", "Antw: x", "Fwd: x", "回复:x"])
def test_a_reply_is_known_by_its_subject(subject: str) -> None:
    assert reply_text.is_reply(subject, None)


def test_a_reply_is_known_by_what_it_answers() -> None:
    assert reply_text.is_reply(None, "1@example.com")
    assert not reply_text.is_reply("Regarding your offer", None)
    assert not reply_text.is_reply(None, None)


def test_t26_the_older_mail_is_looked_for_in_the_first_lines_only() -> None:
    text = "x\n" * reply_text.MAX_LINES + "From: Ann\nSent: today\nTo: Bob\n"
    assert reply_text.newest(text) == text.rstrip("\n")
