"""What a receiver was told of so many mails, however often, and under which ids."""

from collections import Counter
from dataclasses import dataclass, field

from .receiver.client import Webhook


@dataclass
class Told:
    """mails: how many were put, each with a subject of its own; ids: webhook ids by subject."""

    mails: int
    ids: dict[str, Counter[str]] = field(default_factory=dict)

    def add(self, one: Webhook) -> None:
        """A `mail.received`."""
        came = self.ids.setdefault(one["body"]["data"]["subject"], Counter())
        came[one["headers"]["webhook-id"]] += 1

    @property
    def missing(self) -> int:
        return self.mails - len(self.ids)

    @property
    def renamed(self) -> int:
        """Mails that came under more than one id."""
        return sum(len(found) > 1 for found in self.ids.values())

    def __str__(self) -> str:
        repeated = sum(found.total() - 1 for found in self.ids.values())
        return (
            f"{self.mails} mails: {self.missing} missing, {repeated} sent again, {self.renamed} of "
            "them under another id"
        )
