"""What an API caller is told who asks for what can't be."""

from collections.abc import Callable

import pytest
import requests

from shared.errors import Rejected


def refused(work: Callable[[], object]) -> tuple[str, str, int]:
    """Code, detail and status of the refusal that the work meets."""
    with pytest.raises(Rejected) as caught:
        work()
    return caught.value.code, caught.value.detail, caught.value.status


def problem(answer: requests.Response) -> tuple[int, str, str]:
    """Status, code and detail of an answer that has the form of a problem (RFC 9457)."""
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Cache-Control"] == "no-store"
    body = answer.json()
    assert body["status"] == answer.status_code and body["title"]
    assert body["type"] == f"docs/errors.md#{body['code']}"
    return answer.status_code, body["code"], body.get("detail", "")
