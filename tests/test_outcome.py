"""What becomes of an account's row: what a run owns is written, what others set stands."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from shared import instants
from shared.account_rows import Account, Folder
from shared.errors import Blocked, OperatorFault, TryAgain
from shared.outcome import Outcome

_TICK = datetime(2026, 1, 31, 12, tzinfo=UTC)
_BEGAN = Account(
    id="acc_a",
    shard="00",
    status="active",
    status_version=4,
    folders=(Folder("INBOX", 7, 10), Folder("Sent", 8, 20)),
    next_check_at="2026-01-31T12:00:00Z",
    next_refresh_at="2026-01-31T12:40:00Z",
    next_attempt_at="2026-01-31T12:30:00Z",
    failures=2,
    owed=3,
    dead=1,
)


def at(seconds: float) -> str:
    return instants.after(_TICK, seconds)


def fields(outcome: Outcome, row: Account = _BEGAN, interval: int = 60) -> dict[str, Any]:
    return outcome.fields(row, _BEGAN, _TICK, _TICK, interval)


def checked(**found: Any) -> Outcome:
    return Outcome(checked=True, **found)


def test_the_next_check_is_an_interval_after_the_tick_not_after_the_end() -> None:
    later = datetime(2026, 1, 31, 12, 0, 45, tzinfo=UTC)
    found = checked().fields(_BEGAN, _BEGAN, _TICK, later, 60)
    assert found["next_check_at"] == at(60)
    assert found["last_success_at"] == at(45)


def test_a_turn_that_did_not_check_leaves_the_check_due() -> None:
    found = fields(Outcome())
    assert found["next_check_at"] == _BEGAN.next_check_at
    assert not {"last_success_at", "failures", "folders"} & set(found)


def test_a_success_ends_the_row_of_failures() -> None:
    found = fields(checked())
    assert (found["failures"], found["not_before"]) == (0, "")


@pytest.mark.parametrize(("failures", "wait"), [(0, 120), (2, 480), (9, 1800)])
def test_f11_each_failure_lengthens_the_wait(failures: int, wait: int) -> None:
    row = replace(_BEGAN, failures=failures)
    found = fields(checked(error=TryAgain("imap_unavailable")), row)
    assert found["failures"] == failures + 1
    assert at(wait * 0.9) <= found["next_check_at"] <= at(wait)
    assert "last_success_at" not in found


def test_f16_a_delay_that_was_asked_for_becomes_not_before() -> None:
    error = TryAgain("imap_throttled", retry_after_seconds=299.91)
    assert fields(checked(error=error))["not_before"] == at(300)


def test_f1_a_delay_that_is_not_over_outlasts_another_failure() -> None:
    row = replace(_BEGAN, not_before=at(300))
    found = fields(checked(error=TryAgain("token_busy")), row)
    assert found["not_before"] == at(300)


def test_f5_a_fault_of_ours_is_no_failure_of_the_account() -> None:
    found = fields(checked(error=OperatorFault("operator_credentials")))
    assert found["failures"] == 2
    assert at(108) <= found["next_check_at"] <= at(120)
    assert not {"status", "code", "last_success_at"} & set(found)


def test_what_is_left_to_look_at_is_due_at_once() -> None:
    assert fields(checked(more=True))["next_check_at"] == at(0)


def test_f14_a_blocked_mailbox_is_retried_slowly() -> None:
    outcome = checked(error=Blocked("imap_denied"), status="blocked", code="imap_denied")
    assert fields(outcome)["next_check_at"] == at(3600)
    assert fields(outcome, interval=7200)["next_check_at"] == at(7200)


def test_f3_a_mailbox_that_needs_its_owner_is_not_polled_any_more() -> None:
    found = fields(checked(status="reconnect_required", code="sign_in_again"))
    assert found["next_check_at"] == instants.NEVER
    assert found["next_refresh_at"] == instants.NEVER


def test_a_status_comes_with_code_time_and_version() -> None:
    found = fields(checked(status="blocked", code="imap_denied"))
    wanted = {"status": "blocked", "code": "imap_denied", "since": at(0), "status_version": 5}
    assert found.items() >= wanted.items()


def test_a_status_changes_only_from_what_the_run_began_with() -> None:
    row = replace(_BEGAN, status="paused", status_version=9)
    found = fields(checked(status="blocked", code="imap_denied"), row)
    assert not {"status", "code", "since", "status_version"} & set(found)


def test_an_account_that_was_paused_meanwhile_is_not_looked_at_again() -> None:
    row = replace(
        _BEGAN, status="paused", next_check_at=instants.NEVER, next_refresh_at=at(604_800)
    )
    found = fields(checked(next_refresh_at=at(2400)), row)
    assert found["next_check_at"] == instants.NEVER and "next_refresh_at" not in found


@pytest.mark.parametrize(
    ("since", "outcome", "after"),
    [
        ("", Outcome(owed=1), at(0)),  # the first
        (at(-60), Outcome(owed=1), at(-60)),  # one more
        (at(-60), Outcome(owed=-3), ""),  # all of them taken
        (at(-60), Outcome(counted=True, owed=2, owed_since=at(-30)), at(-30)),
        (at(-60), Outcome(counted=True), ""),
    ],
)
def test_the_row_says_since_when_something_is_owed(
    since: str, outcome: Outcome, after: str
) -> None:
    row = replace(_BEGAN, owed=3 if since else 0, owed_since=since)
    assert fields(outcome, row)["owed_since"] == after


def test_i3_a_folder_that_was_removed_and_added_meanwhile_begins_anew() -> None:
    began = replace(_BEGAN, folders=(Folder("INBOX", 7, 5), Folder("Old", 7, 3)))
    row = replace(began, folders=(Folder("INBOX", 7, 5), Folder("Old")))
    looked = (Folder("INBOX", 7, 9), Folder("Old", 7, 9))
    found = checked(folders=looked).fields(row, began, _TICK, _TICK, 60)
    assert found["folders"] == '[["INBOX", 7, 9], ["Old", 0, 0]]'


def test_an_earlier_check_that_somebody_set_meanwhile_stands() -> None:
    assert fields(checked(), replace(_BEGAN, next_check_at=at(5)))["next_check_at"] == at(5)


def test_a_later_check_that_somebody_set_meanwhile_gives_way() -> None:
    row = replace(_BEGAN, next_check_at=at(7200))
    assert fields(checked(), row)["next_check_at"] == at(60)


def test_an_earlier_attempt_that_somebody_set_meanwhile_stands() -> None:
    outcome = Outcome(next_attempt_at=at(600))
    row = replace(_BEGAN, next_attempt_at=at(5))
    assert fields(outcome, row)["next_attempt_at"] == at(5)


def test_the_attempt_that_the_run_began_with_is_done_with() -> None:
    assert fields(Outcome(next_attempt_at=at(2)))["next_attempt_at"] == at(2)


def test_the_outbox_is_looked_at_within_the_hour_even_where_nothing_is_owed() -> None:
    found = fields(Outcome())["next_attempt_at"]
    assert at(0) < found <= at(3600)


def test_what_could_not_be_read_now_waits_five_minutes() -> None:
    outcome = Outcome(next_attempt_at=at(0), put_off=True)
    assert fields(outcome)["next_attempt_at"] == at(300)


def test_counts_are_added_to_what_the_row_says_now() -> None:
    found = fields(Outcome(owed=2, dead=1), replace(_BEGAN, owed=10, dead=0))
    assert (found["owed"], found["dead"]) == (12, 1)


def test_counts_never_fall_below_nothing() -> None:
    assert fields(Outcome(owed=-9))["owed"] == 0


def test_exact_counts_replace_what_the_row_says() -> None:
    found = fields(Outcome(counted=True, owed=1, dead=0))
    assert (found["owed"], found["dead"]) == (1, 0)


def test_mails_and_failed_checks_are_counted_by_the_hour() -> None:
    assert fields(checked(mails=3))["activity"] == "2026-01-31T12|3.0"
    row = replace(_BEGAN, activity="2026-01-31T11|3.0")
    failed = fields(checked(error=TryAgain("imap_unavailable")), row)
    assert failed["activity"] == "2026-01-31T12|0.1,3.0"


def test_a_check_that_found_nothing_writes_no_counters() -> None:
    assert "activity" not in fields(checked(), replace(_BEGAN, activity="2026-01-30T11|3.0"))
    assert "activity" not in fields(Outcome(owed=2, events=2))


def test_counters_are_added_to_what_the_row_says_now() -> None:
    row = replace(_BEGAN, activity="2026-01-31T12|5.0")
    assert fields(checked(mails=3), row)["activity"] == "2026-01-31T12|8.0"


def test_counters_that_can_not_be_read_do_not_stop_a_run() -> None:
    assert fields(checked(mails=1), replace(_BEGAN, activity="\x00"))["activity"][-4:] == "|1.0"


def test_only_folders_that_are_still_listed_are_written() -> None:
    row = replace(_BEGAN, folders=(Folder("INBOX", 7, 10), Folder("Archive", 9, 1)))
    found = fields(checked(folders=(Folder("INBOX", 7, 12), Folder("Sent", 8, 25))), row)
    assert json.loads(found["folders"]) == [["INBOX", 7, 12], ["Archive", 9, 1]]


def test_the_refresh_is_written_where_the_token_was_looked_at() -> None:
    assert "next_refresh_at" not in fields(Outcome())
    assert fields(Outcome(next_refresh_at=at(900)))["next_refresh_at"] == at(900)


def test_t39_a_tombstone_is_due_again_and_gets_nothing_else() -> None:
    row = replace(_BEGAN, deleted_at=at(0))
    assert fields(checked(status="active", owed=1), row) == {"next_due_at": at(0)}
