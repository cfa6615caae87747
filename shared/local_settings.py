"""local.settings.json: the settings on a developer's machine, as Core Tools read them. Pure.

https://learn.microsoft.com/azure/azure-functions/functions-develop-local#local-settings-file
"""

import json
from pathlib import Path


class Unreadable(Exception):
    """The file is not what it should be; its text says so in a sentence, without a value."""


def read(file: Path) -> dict[str, str]:
    """The file's values by name, none where there is no such file; raises Unreadable."""
    if not file.exists():
        return {}
    try:
        content = json.loads(file.read_text("utf-8-sig"))
        values = content["Values"]
        if content.get("IsEncrypted") or not all(isinstance(one, str) for one in values.values()):
            raise ValueError
    except (ValueError, LookupError, TypeError, AttributeError, OSError):
        raise Unreadable(
            f"{file.name} can't be read: it must be JSON that is not encrypted, with a text for "
            "each of its Values, as in local.settings.example.json."
        ) from None
    return {str(name): value for name, value in values.items()}
