"""One account's turn: its token is kept fresh, and what goes wrong has the right end."""

import json
import logging
from datetime import datetime

import pytest

from shared import instants, schedule
from shared.account_rows import Account
from shared.errors import Stale
from shared.microsoft import Token
from tests.conftest import StartApp
from tests.lab.http_proxy import TableProxy
from tests.lab.imap_proxy import ImapProxy, after, rewritten, says
from tests.lab.not_microsoft.tokens import fingerprint
from tests.lab.stepped_app import SteppedApp

DENIED = says("NO AUTHENTICATE failed.")
NOT_CONNECTED = says("BAD User is authenticated but not connected.")
THROTTLED = says("NO Request is throttled. Suggested Backoff Time: 299910 milliseconds")
EXPIRED = says("BAD Command received in Invalid state.")
HOURS = 3600
PAST = "2020-01-01T00:00:00Z"


def refreshes(app: SteppedApp, address: str) -> list[str]:
    """Outcomes of the refreshes that Microsoft was asked for."""
    found = app.services.microsoft.records(address)
    return [one["outcome"] for one in found if one["grant_type"] == "refresh_token"]


def stored_refresh_token(app: SteppedApp, account: Account) -> str:
    """Fingerprint of the refresh token that is on disk."""
    stored = app.parts.tokens.get(account.shard, account.id)
    assert stored
    return fingerprint(next(iter(json.loads(stored.cache)["RefreshToken"].values()))["secret"])


def standing(app: SteppedApp, account: Account) -> tuple[str, str]:
    now = app.account(account.id)
    return now.status, now.code


# The token


@pytest.mark.parametrize(("minutes", "asked"), [(21, []), (19, ["ok"])])
def test_a_token_is_refreshed_when_less_than_20_minutes_remain(
    app: SteppedApp, address: str, minutes: int, asked: list[str]
) -> None:
    app.services.microsoft.token_lifetime(minutes * 60, address)
    app.settled(address)
    app.tick()
    assert refreshes(app, address) == asked


def test_an_account_comes_due_for_its_token_without_a_check(
    proxied: StartApp, proxy: ImapProxy, address: str
) -> None:
    app = proxied(CHECK_INTERVAL_SECONDS="7200")
    account = app.settled(address)
    app.tick()
    expires = instants.parse(app.rows("tokens")[0]["expires_at"])
    due = instants.parse(app.account(account.id).next_refresh_at)
    assert (expires - due).total_seconds() == pytest.approx(20 * 60, abs=2)
    logins = proxy.count("AUTHENTICATE")
    soon = instants.after(instants.now(), 600)
    app.edit("tokens", account.shard, account.id, expires_at=soon)
    app.edit("accounts", account.shard, account.id, next_refresh_at=PAST, next_due_at=PAST)
    app.restart()
    assert app.tick() == 1
    assert (refreshes(app, address), proxy.count("AUTHENTICATE")) == (["ok"], logins)


def test_a_refreshed_token_raises_the_version_and_rotates(app: SteppedApp, address: str) -> None:
    account = app.settled(address)
    before = stored_refresh_token(app, account)
    app.services.microsoft.expire_access_tokens(address)
    app.put(address)
    app.tick()
    assert app.subjects(address) == ["Hello"]
    now = stored_refresh_token(app, account)
    assert now != before and now == app.services.microsoft.current_refresh_fingerprint(address)
    assert app.rows("tokens")[0]["rt_version"] == 2


def test_i4_a_new_refresh_token_is_on_disk_before_the_access_token_is_used(
    proxied: StartApp, proxy: ImapProxy, address: str
) -> None:
    app = proxied()
    account = app.settled(address)
    on_disk: list[str] = []

    def noted() -> None:
        on_disk.append(stored_refresh_token(app, account))

    before = stored_refresh_token(app, account)
    proxy.on("AUTHENTICATE", after(noted, DENIED))
    app.tick()
    current = app.services.microsoft.current_refresh_fingerprint(address)
    assert on_disk == [before, current] and before != current


def test_f6_a_new_process_goes_on_with_what_the_last_one_stored(
    app: SteppedApp, address: str
) -> None:
    app.settled(address)
    for number in (1, 2):
        app.services.microsoft.expire_access_tokens(address)
        app.restart()
        app.put(address)
        app.tick()
        assert app.subjects(address) == ["Hello"] * number
    assert refreshes(app, address) == ["ok"] * 2


# Where its owner has to sign in again


@pytest.fixture
def revoked(app: SteppedApp, address: str) -> Account:
    """An account whose sign-in no longer works, after the turn that found out."""
    account = app.settled(address)
    app.services.microsoft.revoke(address)
    app.services.microsoft.expire_access_tokens(address)
    app.tick()
    return app.account(account.id)


def test_f3_a_revoked_sign_in_is_told_once_with_a_way_back(
    app: SteppedApp, address: str, revoked: Account
) -> None:
    assert (revoked.status, revoked.code) == ("reconnect_required", "sign_in_again")
    for hours in (0, 1, 2, 26):
        app.tick_in(hours * HOURS)
    told = app.webhooks(address, "account.reconnect_required")
    assert len(told) == 1
    data = told[0]["body"]["data"]
    assert (data["account"]["id"], data["code"]) == (revoked.id, "sign_in_again")
    login = f"{app.parts.settings.public_base_url}/api/login?invitation="
    assert data["link"].startswith(login)


def test_f3_nobody_is_asked_any_more(app: SteppedApp, address: str, revoked: Account) -> None:
    asked = len(app.services.microsoft.records(address))
    for hours in (0, 1, 2, 26):
        app.tick_in(hours * HOURS)
    assert len(app.services.microsoft.records(address)) == asked
    assert (revoked.next_check_at, revoked.next_refresh_at) == (instants.NEVER, instants.NEVER)


def test_f3_the_token_is_kept(app: SteppedApp, address: str) -> None:
    account = app.settled(address)
    before = app.rows("tokens")
    app.services.microsoft.revoke(address)
    app.services.microsoft.expire_access_tokens(address)
    app.tick()
    assert standing(app, account)[0] == "reconnect_required"
    assert app.rows("tokens") == before


def test_f54_removed_and_connected_again_during_a_refresh_the_old_token_never_comes_back(
    app: SteppedApp, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = app.settled(address)
    asked = app.parts.microsoft.token

    def answered_late(cache: bytes, now: datetime, *, force: bool = False) -> Token:
        fresh = asked(cache, now, force=force)
        if force:
            app.parts.disconnect.disconnect(account.id)
            app.connect(address)
        return fresh

    with monkeypatch.context() as patch:
        patch.setattr(app.parts.microsoft, "token", answered_late)
        with pytest.raises(Stale):
            app.parts.renewal.token(account, instants.now(), force=True)
    anew, microsoft = app.account(account.id), app.services.microsoft
    assert anew.generation != account.generation
    assert stored_refresh_token(app, anew) == microsoft.current_refresh_fingerprint(address)
    assert app.parts.renewal.token(anew, instants.now(), force=True)


def test_signing_in_again_restores_the_account_and_tells_what_came_meanwhile(
    app: SteppedApp, address: str, revoked: Account
) -> None:
    app.put(address, "Meanwhile")
    app.tick_in(2 * HOURS)
    assert app.subjects(address) == []
    restored = app.connected(address)
    assert (restored.id, restored.status, restored.code) == (revoked.id, "active", "")
    assert app.subjects(address) == ["Meanwhile"]
    assert len(app.webhooks(address, "account.restored")) == 1


def test_f4_what_microsoft_wants_is_the_reason(app: SteppedApp, address: str) -> None:
    account = app.settled(address)
    app.services.microsoft.next_answers("token", {"kind": "policy"})
    app.services.microsoft.expire_access_tokens(address)
    app.tick()
    assert standing(app, account) == ("reconnect_required", "policy_refused")
    (told,) = app.webhooks(address, "account.reconnect_required")
    assert told["body"]["data"]["code"] == "policy_refused"


# Where it passes, or is our own fault


@pytest.mark.parametrize("kind", ["drop", "temporarily_unavailable"])
def test_f2_a_passing_fault_at_microsoft_changes_nothing(
    app: SteppedApp, address: str, kind: str
) -> None:
    account = app.settled(address)
    tokens = app.rows("tokens")
    app.services.microsoft.next_answers("token", {"kind": kind})
    app.services.microsoft.expire_access_tokens(address)
    app.tick()
    assert standing(app, account) == ("active", "")
    assert app.rows("tokens") == tokens and app.account(account.id).failures == 1
    assert len(app.webhooks(address, "account.reconnect_required")) == 0


def test_f2_a_token_that_is_still_good_is_used_while_microsoft_is_down(
    app: SteppedApp, address: str
) -> None:
    app.services.microsoft.token_lifetime(15 * 60, address)
    app.settled(address)
    app.put(address)
    app.services.microsoft.next_answers("token", {"kind": "status"})
    app.tick()
    assert app.subjects(address) == ["Hello"]
    assert refreshes(app, address) == ["status 0"]


def test_f1_microsoft_is_not_asked_before_it_said(app: SteppedApp, address: str) -> None:
    account = app.settled(address)
    app.services.microsoft.next_answers(
        "token", {"kind": "status", "status": 429, "retry_after": 900}
    )
    app.services.microsoft.expire_access_tokens(address)
    app.tick()
    asked = len(refreshes(app, address))
    assert app.account(account.id).not_before >= instants.after(instants.now(), 890)
    app.tick_in(600)
    assert len(refreshes(app, address)) == asked


def test_f5_an_expired_secret_alarms_and_changes_no_account(
    app: SteppedApp, address: str, caplog: pytest.LogCaptureFixture
) -> None:
    account = app.settled(address)
    app.services.microsoft.next_answers("token", {"kind": "secret_expired"})
    app.services.microsoft.expire_access_tokens(address)
    app.put(address)
    app.tick()
    assert standing(app, account) == ("active", "")
    alarms = [one for one in caplog.records if one.levelno == logging.ERROR]
    said = json.loads(alarms[0].getMessage())
    assert (said["event"], said["code"]) == ("alarm", "operator_credentials")
    assert said["detail"] == "AADSTS7000222"
    assert app.account(account.id).failures == 0
    app.restart()  # as it is with a new secret
    app.tick_in(600)
    assert app.subjects(address) == ["Hello"]


# What the mailbox says


def test_f13_a_token_that_the_mailbox_refuses_is_replaced_once(
    proxied: StartApp, proxy: ImapProxy, address: str
) -> None:
    app = proxied()
    app.settled(address)
    app.put(address)
    proxy.on("AUTHENTICATE", DENIED, times=1)
    app.tick()
    assert app.subjects(address) == ["Hello"]
    assert refreshes(app, address) == ["ok"]


def test_f14_a_mailbox_that_refuses_a_fresh_token_too_is_blocked(
    proxied: StartApp, proxy: ImapProxy, address: str
) -> None:
    app = proxied()
    account = app.settled(address)
    proxy.on("AUTHENTICATE", DENIED)
    app.tick()
    app.tick_in(2 * HOURS)
    assert standing(app, account) == ("blocked", "imap_denied")
    told = app.webhooks(address, "account.blocked")
    assert [one["body"]["data"]["code"] for one in told] == ["imap_denied"]
    assert told[0]["body"]["data"]["link"].startswith("https://")


def test_f14_a_blocked_mailbox_is_seldom_asked_and_comes_back_by_itself(
    proxied: StartApp, proxy: ImapProxy, address: str
) -> None:
    app = proxied()
    account = app.settled(address)
    proxy.on("AUTHENTICATE", DENIED)
    app.tick()
    proxy.behave()
    app.put(address)
    app.tick_in(HOURS / 2)
    assert app.subjects(address) == []
    app.tick_in(HOURS + 60)
    assert standing(app, account) == ("active", "")
    assert app.subjects(address) == ["Hello"]
    assert len(app.webhooks(address, "account.restored")) == 1


def test_f15_not_connected_is_forgiven_four_times(
    proxied: StartApp, proxy: ImapProxy, address: str
) -> None:
    app = proxied()
    account = app.settled(address)
    tokens = app.rows("tokens")
    proxy.on("STATUS", NOT_CONNECTED)
    for hours in range(5):
        assert standing(app, account) == ("active", "")
        app.tick_in(hours * HOURS)
    assert standing(app, account) == ("blocked", "mailbox_unavailable")
    assert len(app.webhooks(address, "account.blocked")) == 1
    assert app.rows("tokens") == tokens


def test_f15_one_success_forgives_all(proxied: StartApp, proxy: ImapProxy, address: str) -> None:
    app = proxied()
    account = app.settled(address)
    proxy.on("STATUS", NOT_CONNECTED, times=4)
    for hours in range(5):
        app.tick_in(hours * HOURS)
    assert (standing(app, account), app.account(account.id).failures) == (("active", ""), 0)


def test_failures_in_a_row_make_checks_rarer(
    proxied: StartApp, proxy: ImapProxy, address: str
) -> None:
    app = proxied()
    account = app.settled(address)
    proxy.on("STATUS", says("NO Server Unavailable. 15"))
    waits = []
    for hours in range(1, 7):
        at = instants.parse(instants.after(instants.now(), hours * HOURS))
        app.tick(at)
        due = instants.parse(app.account(account.id).next_check_at)
        waits.append((due - at).total_seconds())
    assert waits == [pytest.approx(wait, rel=0.11) for wait in (60, 120, 240, 480, 960, 1800)]


def test_f16_a_throttled_mailbox_is_left_alone_as_long_as_it_says(
    proxied: StartApp, proxy: ImapProxy, address: str
) -> None:
    app = proxied()
    account = app.settled(address)
    app.put(address)
    proxy.on("STATUS", THROTTLED, times=1)
    app.tick()
    logins = proxy.count("AUTHENTICATE")
    assert app.account(account.id).not_before >= instants.after(instants.now(), 290)
    app.tick_in(200)
    assert proxy.count("AUTHENTICATE") == logins
    app.tick_in(302)
    assert app.subjects(address) == ["Hello"]


def test_a_session_that_dies_with_its_token_is_no_surprise(
    proxied: StartApp, proxy: ImapProxy, address: str, caplog: pytest.LogCaptureFixture
) -> None:
    app = proxied()
    account = app.settled(address)
    app.put(address)
    proxy.on("STATUS", EXPIRED, times=1)
    app.tick()
    assert standing(app, account) == ("active", "")
    assert not [one for one in caplog.records if one.levelno >= logging.ERROR]
    app.tick_in(120)
    assert app.subjects(address) == ["Hello"]


def test_an_answer_that_is_not_imap_is_a_passing_fault(
    proxied: StartApp, proxy: ImapProxy, address: str
) -> None:
    app = proxied()
    account = app.settled(address)
    proxy.on("STATUS", rewritten("UIDVALIDITY", "UIDVALIDITY )("), times=1)
    app.tick()
    assert standing(app, account) == ("active", "")
    assert app.account(account.id).failures == 1


def test_i5_one_owner_who_has_to_sign_in_does_not_hold_up_another(
    app: SteppedApp, address: str
) -> None:
    broken, good = f"broken.{address}", f"good.{address}"
    for one in (broken, good):
        app.settled(one)
    app.services.microsoft.revoke(broken)
    app.services.microsoft.expire_access_tokens(broken)
    app.put(good)
    assert app.tick() == 1  # both in one message
    assert app.subjects(good) == ["Hello"]
    assert len(app.webhooks(broken, "account.reconnect_required")) == 1


@pytest.mark.parametrize("status", [401, 403])
def test_f40_storage_that_keeps_us_out_in_a_turn_has_the_outbox_read_soon(
    start_app: StartApp,
    lossy: TableProxy,
    address: str,
    caplog: pytest.LogCaptureFixture,
    status: int,
) -> None:
    """The turn may have written what it does not know of."""
    app = start_app(STORAGE=lossy.connection_string)
    account = app.settled(address)
    app.put(address)

    def refuse(phase: str, what: str) -> None:
        if phase == "answer" and what.startswith("GET") and "/mailboxes" in what:
            lossy.watch(None)
            lossy.refuse(1, status=status)

    lossy.watch(refuse)
    now = instants.now().replace(microsecond=0)
    app.tick(now)
    assert '"code": "storage_denied"' in caplog.text
    assert app.account(account.id).next_attempt_at == schedule.retry_at(now)
    app.tick_in(schedule.RETRY_SECONDS + 60)
    assert app.subjects(address) == ["Hello"]
