"""Accounts that only exist as rows: many, and in every state, for pages that show them."""

import random
from collections.abc import Iterator
from datetime import datetime
from itertools import batched

from shared import activity, ids, instants
from shared.account_rows import TABLE, Account, Folder
from shared.tables import Insert, Tables

_CODES = {
    "active": [""],
    "paused": [""],
    "blocked": ["imap_denied", "mailbox_unavailable"],
    "reconnect_required": ["sign_in_again", "consent_missing", "account_disabled"],
}
_WEIGHTS = (92, 3, 3, 2)
_NAMES = (
    *("ada", "grace", "alan", "edsger", "barbara", "donald", "margaret", "tim", "radia", "vint"),
    *("frances", "ken", "dennis", "hedy", "katherine", "linus", "anita", "leslie", "shafi", "john"),
)
_DOMAINS = ("outlook.example", "contoso.example", "fabrikam.example", "hotmail.example")
_LABELS = ((), ("support",), ("sales",), ("support", "vip"))


def write(tables: Tables, count: int, now: datetime) -> list[Account]:
    """Writes so many rows; nothing else is stored of them, so no run may come across them."""
    made = list(_made(count, now))
    for group in batched(made, 100, strict=False):
        tables.transact(TABLE, [Insert(one.fields) for one in group])
    return made


def _made(count: int, now: datetime) -> Iterator[Account]:
    chance = random.Random(4711)
    for number in range(count):
        status = chance.choices(list(_CODES), _WEIGHTS)[0]
        code = chance.choice(_CODES[status])
        failing = status == "active" and chance.random() < 0.03
        day = 86_400
        last = chance.randint(2, 55) if status == "active" else chance.randint(3600, 5 * day)
        yield Account(
            id=ids.account_id("sample", str(number), ""),
            shard="00",
            address=f"{chance.choice(_NAMES)}{number}@{chance.choice(_DOMAINS)}",
            reference=f"customer-{chance.randint(1, 400)}",
            labels=chance.choice(_LABELS),
            kind=chance.choice(("personal", "work")),
            tid="sample",
            oid=str(number),
            status=status,
            code=code,
            since=instants.after(now, -last - 60),
            folders=(Folder("INBOX", 1, 100),),
            failures=chance.randint(1, 4) if failing else 0,
            next_check_at=instants.after(now, chance.randint(5, 60) + 3600 * (status == "blocked"))
            if status in {"active", "blocked"}
            else instants.NEVER,
            last_success_at=instants.after(now, -last),
            connected_at=instants.after(now, -chance.randint(6, 200) * day),
            owed=chance.choice((0,) * 30 + (1, 3)),
            dead=chance.choice((0,) * 60 + (1, 2)),
            activity=_day(chance, now, status, failing=failing),
        )


def _day(chance: random.Random, now: datetime, status: str, *, failing: bool) -> str:
    """Mails by day more than by night."""
    text = ""
    for ago in range(23, -1, -1):
        then = datetime.fromisoformat(instants.after(now, -3600 * ago))
        busy = 6 if 7 <= then.hour <= 18 else 1
        mails = chance.randint(0, busy) if status == "active" else 0
        failures = chance.randint(0, 2) if failing and ago < 3 else int(chance.random() < 0.01)
        text = activity.counted(text, then, mails, failures)
    return text
