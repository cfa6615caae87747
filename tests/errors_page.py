"""Writes docs/errors.md from the catalogue: `make docs`."""

from pathlib import Path

from shared import identity_errors
from shared.catalogue import ENTRIES, Entry

PAGE = Path(__file__).parents[1] / "docs" / "errors.md"

_HEAD = """# Errors

Every code that pages, events, the API and the log speak with. Made from `shared/catalogue.py` by
`make docs`; `make check` fails where the two differ.

What the account does next:

| | |
|---|---|
| retry | it is tried again by itself; nothing changes |
| reconnect | it is not polled until its owner signs in again; its token is kept |
| blocked | somebody at the mailbox's side has to change a setting; it is looked at now and then |
| alarm | the operator has to act; no account changes for it |
| none | nothing: what was asked for was not done |

Microsoft's numbers (AADSTS…) stand with the code that they lead to. One that is not listed falls
under the code of its `error`, or else under `microsoft_unavailable`; the log says the number.
"""


def text() -> str:
    """The page as it should be."""
    return _HEAD + "".join(_section(code, entry) for code, entry in ENTRIES.items())


def _section(code: str, entry: Entry) -> str:
    numbers = ", ".join(map(str, sorted(identity_errors.NUMBERS.get(code, ()))))
    classes = ", ".join(f"`{one}`" for one in identity_errors.CLASSES.get(code, ()))
    lines = {
        "Mailbox owner": entry.owner,
        "Operator": entry.operator,
        "Next": entry.then,
        "Fix": f"<{entry.link}>" if entry.link else "",
        "Microsoft's `error`": classes,
        "AADSTS": numbers,
    }
    told = "".join(f"- {name}: {value}\n" for name, value in lines.items() if value)
    return f"\n## {code}\n\n{told}"


if __name__ == "__main__":
    PAGE.write_text(text())
