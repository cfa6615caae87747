"""What a turn found out about an account, and what becomes of the account's row. Pure."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared import activity, instants, schedule
from shared.account_rows import Account, Folder, folders_text
from shared.errors import OperatorFault, TryAgain, UnseenError


@dataclass(slots=True)
class Outcome:
    """Filled in while the turn goes on.

    checked: new mail was looked for, or that was tried. more: some is left to look at. error:
    why it failed. next_attempt_at: the earliest of what is owed. owed, dead: exact counts where
    `counted`, else what to add; owed_since: of the oldest that is owed, where `counted`. mails:
    how many were recorded; events: how many were recorded or attempted, so that a replay finds
    the account; filtered: how many no endpoint takes. purged: a tombstone of which nothing is left.
    """

    checked: bool = False
    more: bool = False
    error: UnseenError | None = None
    folders: tuple[Folder, ...] = ()
    mails: int = 0
    filtered: int = 0
    events: int = 0
    status: str = ""
    code: str = ""
    next_refresh_at: str = ""
    next_attempt_at: str = instants.NEVER
    put_off: bool = False
    counted: bool = False
    owed: int = 0
    owed_since: str = ""
    dead: int = 0
    purged: bool = False

    def fields(
        self, row: Account, began: Account, tick: datetime, now: datetime, interval_seconds: int
    ) -> dict[str, Any]:
        """Columns for the row as it is now; `began` is what it was when the turn began.

        An earlier due time that another writer set meanwhile stands, and the status changes
        only from the value that the turn began with.
        """
        if row.deleted_at:
            return {"next_due_at": instants.text(now)}  # a tombstone with something left to purge
        fields: dict[str, Any] = self._counts(row, now)
        if self.checked:
            fields |= self._after_check(row, began, now)
        if self.mails or self.events:
            fields["last_event_at"] = instants.text(now)
        fields["next_attempt_at"] = self._next_attempt_at(row, began, tick)
        was_paused = row.status == "paused" != began.status
        if self.next_refresh_at and not was_paused:
            fields["next_refresh_at"] = self.next_refresh_at
        status = row.status
        if self.status and row.status == began.status:
            status = self.status
            fields |= {
                "status": status,
                "code": self.code,
                "since": instants.text(now),
                "status_version": row.status_version + 1,
            }
        fields["next_check_at"] = self._next_check_at(
            row, began, tick, interval_seconds, status, fields.get("failures", row.failures)
        )
        if status == "reconnect_required":
            fields["next_refresh_at"] = instants.NEVER
        return fields

    def _counts(self, row: Account, now: datetime) -> dict[str, Any]:
        counts = {"owed": self.owed, "dead": self.dead}
        since = self.owed_since
        if not self.counted:
            counts = {
                "owed": max(row.owed + self.owed, 0),
                "dead": max(row.dead + self.dead, 0),
            }
            since = row.owed_since or instants.text(now)
        return {
            **counts,
            "owed_since": since if counts["owed"] else "",
            "filtered": row.filtered + self.filtered,
        }

    def _after_check(self, row: Account, began: Account, now: datetime) -> dict[str, Any]:
        retry_after = self.error.retry_after_seconds if isinstance(self.error, TryAgain) else None
        held = row.not_before if self.error and row.not_before > instants.text(now) else ""
        fields: dict[str, Any] = {
            "failures": self._failures(row),
            "not_before": instants.after(now, retry_after) if retry_after else held,
        }
        if not self.error:
            fields["last_success_at"] = instants.text(now)
        if self.mails or self.error:
            failures = 1 if self.error else 0
            fields["activity"] = activity.counted(row.activity, now, self.mails, failures)
        found = {folder.name: folder for folder in self.folders}
        # One that was removed and added meanwhile begins anew.
        merged = tuple(
            found.get(folder.name, folder) if folder in began.folders else folder
            for folder in row.folders
        )
        return fields | {"folders": folders_text(merged)}

    def _failures(self, row: Account) -> int:
        """A fault of ours is none of the account's."""
        if isinstance(self.error, OperatorFault):
            return row.failures
        return row.failures + 1 if self.error else 0

    def _next_attempt_at(self, row: Account, began: Account, tick: datetime) -> str:
        ours = min(self.next_attempt_at, schedule.outbox_turn(row.id, tick))
        if self.put_off:
            ours = max(ours, schedule.retry_at(tick))
        if row.next_attempt_at != began.next_attempt_at:
            return min(ours, row.next_attempt_at)
        return ours

    def _next_check_at(
        self,
        row: Account,
        began: Account,
        tick: datetime,
        interval_seconds: int,
        status: str,
        failures: int,
    ) -> str:
        if status in {"reconnect_required", "paused"}:
            return instants.NEVER
        ours = row.next_check_at
        if self.checked:
            wait: float = interval_seconds
            if self.more:
                wait = 0
            elif status == "blocked":
                since = row.since if began.status == "blocked" else ""
                wait = schedule.blocked_seconds(since, tick, interval_seconds)
            elif isinstance(self.error, OperatorFault):
                wait = schedule.back_off_seconds(1, interval_seconds)
            elif self.error:
                wait = schedule.back_off_seconds(failures, interval_seconds)
            ours = instants.after(tick, wait)
        if row.next_check_at != began.next_check_at:
            return min(ours, row.next_check_at)
        return ours
