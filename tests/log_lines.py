"""The app's log lines of a test, as what they hold."""

import json
from typing import Any

import pytest


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """Those of the program itself, in order."""
    ours = [one for one in caplog.records if one.name.startswith(("shared.", "functions."))]
    return [json.loads(one.getMessage()) for one in ours]
