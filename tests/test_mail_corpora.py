"""Real and nasty mail: scored against what other parsers' suites expect, where it is at hand."""

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

from shared import mail
from tests import score_adapter

CORPORA = Path(__file__).parents[2] / "shared" / "corpora"
AT_LEAST = 0.96

pytestmark = pytest.mark.skipif(
    not (CORPORA / "score.py").exists(), reason="the mail corpora are not beside the project"
)


@pytest.fixture(scope="module")
def score() -> Any:
    spec = importlib.util.spec_from_file_location("score", CORPORA / "score.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_96_of_100_fields_are_as_others_expect(score: Any) -> None:
    right: list[bool] = []
    for line in (CORPORA / "expected.jsonl").read_text("utf-8").splitlines():
        want = json.loads(line)
        got = score_adapter.parse((CORPORA / want["path"]).read_bytes())
        right += score.compare(want, got).values()
    assert sum(right) / len(right) >= AT_LEAST


def test_every_mail_becomes_valid_json() -> None:
    files = sorted(CORPORA.glob("*/*.eml"))
    assert len(files) > 300
    for file in files:
        event = mail.to_event(mail.parse(file.read_bytes()), body_limit=64 * 1024)
        json.dumps(event, ensure_ascii=False, allow_nan=False).encode("utf-8")
