"""What Dovecot can't be told when it asks: mailboxes that a token opens besides its owner's own.

Dovecot's introspection does not say which mailbox it is about, so these are told beforehand: a
file of users for each token, its name the token's hash.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

# Dovecot looks at a file of users once in each second of the clock; a new one it sees at once.
SETTLED_SECONDS = 1.05


@dataclass
class DovecotUsers:
    """The files; without a folder nobody is told."""

    folder: Path | None = None
    _written: dict[str, set[str]] = field(default_factory=dict)

    def tell(self, kind: str, opened: Mapping[str, Iterable[str]]) -> None:
        """Mailboxes by hash of a token, all that there are of this kind of token."""
        if self.folder is None:
            return
        for name in self._written.get(kind, set()) - opened.keys():
            (self.folder / name).unlink(missing_ok=True)
        for name, mailboxes in opened.items():
            lines = "".join(f"{mailbox}:{{SHA256.HEX}}{name}\n" for mailbox in sorted(mailboxes))
            (self.folder / name).write_text(lines)
        self._written[kind] = set(opened)


def name_of(token: str) -> str:
    """The token's hash, as Dovecot has it."""
    return hashlib.sha256(token.encode()).hexdigest()
