"""Shards: the partitions that accounts and their tokens are spread over, and were before. Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain

from shared import ids


def _fine() -> None:
    pass


@dataclass(frozen=True, slots=True)
class Shards:
    """How accounts are spread: over `count` shards, and over `before` while they are moved.

    verify: raises OperatorFault where this is not how the stored ones are spread; it is asked
    before any account is looked for, and not by scans: what they find is right where it is.
    """

    count: int
    before: int = 0
    verify: Callable[[], None] = _fine

    @property
    def moving(self) -> bool:
        return self.before != 0

    def of(self, account: str) -> str:
        """The shard in which the account belongs."""
        return ids.shard_of(account, self.count)

    def places(self, account: str) -> tuple[str, ...]:
        """Where the account may be: in its former shard, if that is another, or in its own, last.

        A move makes the new row before it deletes the old one: who reads in this order finds it.
        """
        self.verify()
        own = self.of(account)
        former = ids.shard_of(account, self.before) if self.before else own
        return (own,) if former == own else (former, own)

    @property
    def all(self) -> list[str]:
        """Each shard in which accounts may be, once; not verified."""
        return _names(max(self.count, self.before))

    @property
    def sweep(self) -> list[str]:
        """The shards in an order in which no account is missed, even one that is just moved.

        Former ones first. A shard that is of both layouts is read twice.
        """
        self.verify()
        if not self.moving:
            return self.all
        return list(chain(_names(self.before), _names(self.count)))

    @property
    def former(self) -> list[str]:
        """The shards that accounts are moved out of; none where they are not moved."""
        self.verify()
        return _names(self.before)


def _names(count: int) -> list[str]:
    return [f"{number:02d}" for number in range(count)]
