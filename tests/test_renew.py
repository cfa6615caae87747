"""Renew: the access token for a mailbox, and that no newer refresh token is ever lost."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from shared import instants
from shared.account_rows import Account
from shared.errors import ReconnectNeeded, Stale, TryAgain
from shared.microsoft import Token
from shared.tables import Row
from shared.token_store import StoredToken
from tests.conftest import StartApp
from tests.lab.http_proxy import TableProxy
from tests.lab.not_microsoft.client import Control
from tests.lab.stepped_app import SteppedApp


class Mailbox:
    """An account and its token, asked for at a time of the test's choosing."""

    def __init__(self, app: SteppedApp, address: str, account_id: str) -> None:
        self.app = app
        self.microsoft: Control = app.services.microsoft
        self.address = address
        self.account = self.signed_in(Account(account_id, "00", generation="g1"))
        self.now = instants.now()

    def signed_in(self, account: Account) -> Account:
        """Stores the token of a sign-in for this generation of the account."""
        flow, answer = self.app.answer_of(self.address)
        token = self.app.parts.microsoft.finish(flow, answer, instants.now()).token
        before = self.app.parts.tokens.get(account.shard, account.id)
        self.app.parts.tokens.put(
            StoredToken(
                *(account.id, account.shard, account.generation, token.cache, token.expires_at),
                rt_version=before.rt_version + 1 if before else 1,
            )
        )
        return account

    def connected_anew(self) -> Account:
        return self.signed_in(replace(self.account, generation="g2"))

    def in_minutes(self, minutes: float) -> datetime:
        """A moment after the sign-in; its access token is good for 60 minutes."""
        return self.now + timedelta(minutes=minutes)

    def token(self, minutes: float, row: Row | None = None, *, force: bool = False) -> Token:
        at = self.in_minutes(minutes)
        return self.app.parts.renewal.token(self.account, at, row, force=force)

    @property
    def row(self) -> Row:
        return self.app.parts.tokens.rows(self.account.shard, [self.account.id])[self.account.id]

    @property
    def stored(self) -> StoredToken:
        return self.app.parts.tokens.open(self.row)

    @property
    def asked(self) -> list[str]:
        """What the platform answered to each request for this account."""
        return [one["outcome"] for one in self.microsoft.records(self.address)][1:]


@pytest.fixture
def mailbox(shared_app: SteppedApp, address: str, account_id: str) -> Mailbox:
    return Mailbox(shared_app, address, account_id)


@pytest.fixture
def behind(
    start_app: StartApp, lossy: TableProxy, address: str, account_id: str
) -> Iterator[Mailbox]:
    """A mailbox whose tables are behind a proxy."""
    yield Mailbox(start_app(STORAGE=lossy.connection_string), address, account_id)
    lossy.watch(None)


def once_leased(lossy: TableProxy, work: Callable[[], object]) -> None:
    """Does this when the next lease is written, before anything else can happen."""

    def watcher(phase: str, what: str) -> None:
        if phase == "answer" and what.startswith("PATCH") and "/tokens(" in what:
            lossy.watch(None)
            work()

    lossy.watch(watcher)


def test_a_token_with_enough_time_left_is_given_as_it_is_stored(mailbox: Mailbox) -> None:
    assert mailbox.token(39).access_token == mailbox.token(1).access_token
    assert mailbox.asked == []


def test_a_token_is_renewed_when_less_than_20_minutes_are_left(mailbox: Mailbox) -> None:
    first = mailbox.token(0)
    second = mailbox.token(41)
    assert second.access_token != first.access_token
    assert (mailbox.asked, mailbox.stored.rt_version) == (["ok"], 2)


def test_i4_the_renewed_token_is_the_stored_one(mailbox: Mailbox) -> None:
    given = mailbox.token(41)
    stored = mailbox.app.parts.microsoft.token(mailbox.stored.cache, mailbox.in_minutes(41))
    assert stored.access_token == given.access_token


def test_i4_a_token_that_could_not_be_stored_is_not_given(
    behind: Mailbox, lossy: TableProxy
) -> None:
    tokens, account = behind.app.parts.tokens, behind.account
    once_leased(lossy, lambda: tokens.delete(account.shard, account.id))
    with pytest.raises(Stale):
        behind.token(41)
    assert behind.asked == ["ok"]
    assert behind.app.parts.renewal.remembered(account, behind.now) is None


def test_a_remembered_token_needs_neither_table_nor_platform(mailbox: Mailbox) -> None:
    given = mailbox.token(0)
    mailbox.app.parts.tokens.delete(mailbox.account.shard, mailbox.account.id)
    assert mailbox.token(39).access_token == given.access_token
    with pytest.raises(Stale):
        mailbox.token(41)


def test_what_is_remembered_has_no_refresh_token(mailbox: Mailbox) -> None:
    mailbox.token(0)
    remembered = mailbox.app.parts.renewal.remembered(mailbox.account, mailbox.now)
    assert remembered
    assert remembered.cache == b""


def test_f13_a_refused_token_is_replaced_whatever_time_is_left(mailbox: Mailbox) -> None:
    first = mailbox.token(0)
    second = mailbox.token(0, force=True)
    assert second.access_token != first.access_token
    assert mailbox.token(0).access_token == second.access_token


@pytest.mark.parametrize("fault", [{"kind": "status", "status": 503}, {"kind": "html"}])
def test_f2_while_microsoft_is_away_a_good_token_is_used(
    mailbox: Mailbox, fault: dict[str, object]
) -> None:
    first = mailbox.token(0)
    mailbox.microsoft.next_answers("token", fault)
    assert mailbox.token(53).access_token == first.access_token
    assert mailbox.stored.rt_version == 1


@pytest.mark.parametrize(("minutes", "force"), [(55, False), (59, False), (0, True)])
def test_f2_while_microsoft_is_away_a_spent_token_is_not(
    mailbox: Mailbox, minutes: float, force: bool
) -> None:
    mailbox.microsoft.next_answers("token", {"kind": "status", "status": 503})
    with pytest.raises(TryAgain):
        mailbox.token(minutes, force=force)


def test_f3_a_refused_refresh_token_needs_the_owner_and_is_kept(mailbox: Mailbox) -> None:
    before = mailbox.stored
    mailbox.microsoft.revoke(mailbox.address)
    with pytest.raises(ReconnectNeeded, match="sign_in_again"):
        mailbox.token(41)
    assert mailbox.stored == replace(before, etag=mailbox.stored.etag)


def test_f3_a_refused_refresh_token_is_tried_once_more_where_a_newer_one_is_stored(
    behind: Mailbox, lossy: TableProxy
) -> None:
    """The other run took 30 s, so that its lease was over when this one began."""
    once_leased(lossy, lambda: behind.token(42, force=True))
    given = behind.token(41)
    assert behind.asked == ["ok", "invalid_grant 70000", "ok"]
    assert behind.stored.rt_version == 3
    assert behind.token(43).access_token == given.access_token


def test_f3_what_was_refused_is_asked_again_at_once_where_it_may_be_right_now(
    mailbox: Mailbox,
) -> None:
    """MSAL would answer the same request from its memory for a minute."""
    mailbox.microsoft.next_answers("token", {"kind": "invalid_grant"})
    with pytest.raises(ReconnectNeeded):
        mailbox.token(41)
    assert mailbox.token(42)


def test_f7_a_run_with_an_old_row_takes_what_another_has_just_stored(mailbox: Mailbox) -> None:
    row = mailbox.row
    given = mailbox.token(41)
    assert mailbox.token(42, row, force=True).access_token == given.access_token
    assert mailbox.asked == ["ok"]


def test_f7_while_another_run_asks_a_good_token_is_used(mailbox: Mailbox) -> None:
    first = mailbox.token(0)
    mailbox.app.parts.tokens.take(mailbox.stored, mailbox.in_minutes(41))
    assert mailbox.token(41).access_token == first.access_token
    with pytest.raises(TryAgain, match="token_busy"):
        mailbox.token(41, force=True)
    assert mailbox.asked == []


def test_f7_of_two_at_once_the_newest_refresh_token_is_kept(mailbox: Mailbox) -> None:
    row = mailbox.row
    with ThreadPoolExecutor(4) as pool:
        given = list(pool.map(lambda _: _quietly(mailbox, row), range(4)))
    assert any(given)
    fingerprint = mailbox.microsoft.current_refresh_fingerprint(mailbox.address)
    assert mailbox.token(45, force=True)
    used = mailbox.microsoft.records(mailbox.address)[-1]
    assert (used["refresh_in"], used["outcome"]) == (fingerprint, "ok")


def _quietly(mailbox: Mailbox, row: Row) -> str:
    """One of many who renew at once; who comes while another asks has to come again."""
    try:
        return mailbox.token(41, row, force=True).access_token
    except TryAgain:
        return ""


def test_f6_an_answer_that_could_not_be_stored_is_stored_later(
    behind: Mailbox, lossy: TableProxy
) -> None:
    once_leased(lossy, lambda: lossy.refuse(100))
    with pytest.raises(TryAgain, match="storage_unavailable"):
        behind.token(41)
    lossy.refuse(0)
    assert behind.stored.rt_version == 1
    given = behind.token(41)
    assert (behind.asked, behind.stored.rt_version) == (["ok"], 2)
    assert behind.token(41, force=True).access_token != given.access_token
    assert behind.asked == ["ok", "ok"]


def test_f6_what_another_run_stored_later_stands(behind: Mailbox, lossy: TableProxy) -> None:
    once_leased(lossy, lambda: lossy.refuse(100))
    with pytest.raises(TryAgain):
        behind.token(41)
    lossy.refuse(0)
    anew = behind.connected_anew()
    before = behind.stored
    assert behind.app.parts.renewal.token(anew, instants.now())
    assert behind.stored == before


def test_f1_with_a_good_token_too_nobody_asks_before_microsoft_said(mailbox: Mailbox) -> None:
    first = mailbox.token(0)
    fault = {"kind": "status", "status": 429, "retry_after": 600}
    mailbox.microsoft.next_answers("token", fault)
    assert mailbox.token(41).access_token == first.access_token
    with pytest.raises(TryAgain, match="asked to wait"):
        mailbox.token(50, force=True)
    assert mailbox.asked == ["status 0"]
    assert mailbox.token(52, force=True).access_token != first.access_token


def test_f6_a_lost_answer_ends_with_the_owner_and_never_in_a_loop(mailbox: Mailbox) -> None:
    mailbox.microsoft.next_answers("token", {"kind": "lost_answer"})
    with pytest.raises(TryAgain):
        mailbox.token(58)
    with pytest.raises(ReconnectNeeded):
        mailbox.token(59)
    assert mailbox.asked == ["ok", "invalid_grant 70000"]


def test_f54_an_account_that_was_connected_anew_gets_no_token_here(mailbox: Mailbox) -> None:
    row = mailbox.row
    mailbox.connected_anew()
    with pytest.raises(Stale):
        mailbox.token(0)
    asked = len(mailbox.asked)
    assert mailbox.token(0, row)  # read before: still good
    assert len(mailbox.asked) == asked


def test_f54_a_new_sign_ins_token_is_not_used_up_by_an_old_run(mailbox: Mailbox) -> None:
    row = mailbox.row
    mailbox.token(41)
    anew = mailbox.connected_anew()
    before = mailbox.stored
    with pytest.raises(Stale):
        mailbox.token(42, row, force=True)
    assert mailbox.stored == before
    assert mailbox.app.parts.renewal.token(anew, instants.now())


def test_t39_a_removed_account_gets_no_token(mailbox: Mailbox) -> None:
    row = mailbox.row
    mailbox.microsoft.revoke(mailbox.address)
    mailbox.app.parts.tokens.delete(mailbox.account.shard, mailbox.account.id)
    with pytest.raises(Stale):
        mailbox.token(41, row)
