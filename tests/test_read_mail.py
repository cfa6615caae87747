"""The command that shows what a saved mail becomes."""

import io
import json
import sys
from pathlib import Path

import pytest

from shared import read_mail


def test_it_prints_the_event(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    file = tmp_path / "mail.eml"
    file.write_bytes("Subject: grün\n\nhello\n".encode())
    assert read_mail.main([str(file)]) == 0
    found = json.loads(capfdbinary.readouterr().out.decode("utf-8"))
    assert (found["subject"], found["text"]) == ("grün", "hello\n")


def test_it_reads_standard_input(
    monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"Subject: x\n\nhello")))
    assert read_mail.main(["-", "--body-limit", "2"]) == 0
    assert json.loads(capfdbinary.readouterr().out)["text"] == "he"


def test_a_file_that_is_not_there_is_named_and_the_others_are_read(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    (tmp_path / "there.eml").write_bytes(b"Subject: x\n\n")
    assert read_mail.main([str(tmp_path / "missing.eml"), str(tmp_path / "there.eml")]) == 1
    shown = capfdbinary.readouterr()
    assert b"missing.eml: No such file" in shown.err
    assert json.loads(shown.out)["subject"] == "x"


@pytest.mark.parametrize("arguments", [[], ["-", "--body-limit", "many"], ["-", "--body-limit=-1"]])
def test_wrong_arguments_are_refused(
    arguments: list[str], capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    with pytest.raises(SystemExit) as ended:
        read_mail.main(arguments)
    assert ended.value.code == 2
    assert b"usage:" in capfdbinary.readouterr().err
