"""How much is sent from one mailbox: 3 submissions at once and 30 in a minute, as Exchange allows.

https://learn.microsoft.com/office365/servicedescriptions/exchange-online-service-description/exchange-online-limits#sending-limits
Counted in this process: several instances together may go beyond it, and Exchange then says so.
"""

import contextlib
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from shared.errors import Rejected

AT_ONCE = 3
A_MINUTE = 30
_MINUTE = timedelta(minutes=1)
_SOON_SECONDS = 2


@dataclass(slots=True)
class _Sender:
    at_once: int = 0
    began: deque[datetime] = field(default_factory=deque)


class SendLimits:
    """Safe to share between threads. remembered: with so many accounts, idle ones are forgotten."""

    def __init__(self, remembered: int = 10_000) -> None:
        self._remembered = remembered
        self._senders: dict[str, _Sender] = {}
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def admitted(self, account_id: str, now: datetime) -> Iterator[None]:
        """For as long as a submission takes; raises Rejected `sending_limit`, with when to come."""
        with self._lock:
            sender = self._counted(account_id, now)
        try:
            yield
        finally:
            with self._lock:
                sender.at_once -= 1

    def _counted(self, account_id: str, now: datetime) -> _Sender:
        sender = self._senders.get(account_id) or self._new(account_id, now)
        _forget(sender, now)
        if len(sender.began) >= A_MINUTE:
            wait = (sender.began[0] + _MINUTE - now).total_seconds()
            raise _refusal("a minute", wait)
        if sender.at_once >= AT_ONCE:
            raise _refusal("at once", _SOON_SECONDS)
        sender.at_once += 1
        sender.began.append(now)
        return sender

    def _new(self, account_id: str, now: datetime) -> _Sender:
        if len(self._senders) >= self._remembered:
            for known in self._senders.values():
                _forget(known, now)
            busy = {name: one for name, one in self._senders.items() if one.at_once or one.began}
            self._senders = busy
        return self._senders.setdefault(account_id, _Sender())


def _forget(sender: _Sender, now: datetime) -> None:
    while sender.began and now - sender.began[0] >= _MINUTE:
        sender.began.popleft()


def _refusal(detail: str, seconds: float) -> Rejected:
    return Rejected("sending_limit", detail, status=429, retry_after_seconds=seconds)
