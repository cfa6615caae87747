"""Looking for new mail: what is found, recorded and told, and what is left as it was."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage

import pytest

from shared import ids as ids_of
from shared import instants
from tests.conftest import StartApp
from tests.event_schemas import problems
from tests.lab.imap_proxy import Answer, ImapProxy, after, cut, rewritten, rewritten_by, says
from tests.lab.receiver.client import ids
from tests.lab.stepped_app import SteppedApp
from tests.lab.waiting import wait_until

REFUSED = says("BAD Command Argument Error. 11")


def numbered(count: int) -> list[str]:
    return [f"Mail {number}" for number in range(1, count + 1)]


# What is told


def full_mail(to: str) -> bytes:
    mail = EmailMessage()
    mail["From"] = "Ada Lovelace <ada@sender.example>"
    mail["Reply-To"] = "office@sender.example"
    mail["To"] = f"{to}, Grace <grace@contoso.example>"
    mail["Cc"] = "Team <team@contoso.example>"
    mail["Date"] = "Tue, 06 Jan 2026 10:00:00 +0100"
    mail["Message-ID"] = "<2@sender.example>"
    mail["In-Reply-To"] = "<1@sender.example>"
    mail["References"] = "<0@sender.example> <1@sender.example>"
    mail["List-Id"] = "News <news.sender.example>"
    mail["Auto-Submitted"] = "auto-generated"
    mail["Subject"] = "Notes"
    mail.set_content("Plain.\n")
    mail.add_alternative("<p>Rich.</p>", subtype="html")
    mail.add_attachment(b"1,2\n", maintype="text", subtype="csv", filename="a.csv")
    return mail.as_bytes()


def test_a_mail_is_told_with_every_field(app: SteppedApp, address: str) -> None:
    received = datetime(2026, 1, 6, 9, 0, 5, tzinfo=UTC)
    app.services.dovecot.deliver(
        address, full_mail(address), flags=["\\Flagged"], received_at=received
    )
    account = app.connected(address)
    data = app.webhooks(address)[0]["body"]["data"]
    assert data["account"] == {"id": account.id, "address": address, "reference": "", "labels": []}
    assert (data["folder"], data["uid"], data["sequence"]) == ("INBOX", 1, 2)
    assert data["uid_validity"] == account.folders[0].uidvalidity
    assert (data["message_id"], data["in_reply_to"]) == ("2@sender.example", "1@sender.example")
    assert (data["thread_id"], data["subject"]) == ("0@sender.example", "Notes")
    assert data["from"] == [{"name": "Ada Lovelace", "address": "ada@sender.example"}]
    assert data["reply_to"] == [{"name": None, "address": "office@sender.example"}]
    assert [one["address"] for one in data["to"]] == [address, "grace@contoso.example"]
    assert data["cc"] == [{"name": "Team", "address": "team@contoso.example"}]
    assert (data["sender"], data["bcc"]) == ([], [])
    assert (data["date"], data["received_at"]) == ("2026-01-06T09:00:00Z", "2026-01-06T09:00:05Z")
    assert data["size"] >= len(full_mail(address)) and "\\Flagged" in data["flags"]
    assert (data["text"].strip(), data["html"].strip()) == ("Plain.", "<p>Rich.</p>")
    assert (data["truncated"], data["bounce"], data["issues"]) == (False, None, [])
    assert (data["auto_submitted"], data["list_id"][-19:]) == (
        "auto-generated",
        "news.sender.example",
    )
    attachment = data["attachments"][0]
    assert (attachment["filename"], attachment["content_type"]) == ("a.csv", "text/csv")
    assert (attachment["size"], attachment["inline"]) == (4, False)


def test_a_long_body_is_cut_and_says_so(start_app: StartApp, address: str) -> None:
    app = start_app(EVENT_BODY_LIMIT="10")
    app.settled(address)
    app.put(address, "A long subject stays, the body is cut")
    app.tick()
    data = app.webhooks(address)[0]["body"]["data"]
    assert (data["text"], data["truncated"]) == ("A long sub", True)


def test_i7_flags_are_as_they_were(app: SteppedApp, address: str) -> None:
    app.settled(address)
    app.put(address, "Unseen")
    app.put(address, "Flagged", flags=["\\Flagged"])
    app.put(address, "Read elsewhere", flags=["\\Seen"])
    before = app.services.dovecot.flags(address)
    app.tick()
    assert app.services.dovecot.flags(address) == before
    assert "\\Seen" not in before[1] | before[2]


def test_mail_that_was_read_elsewhere_is_not_told(app: SteppedApp, address: str) -> None:
    account = app.settled(address)
    app.put(address, "Read elsewhere", flags=["\\Seen"])
    app.put(address, "Unseen")
    app.tick()
    assert app.subjects(address) == ["Unseen"]
    assert app.account(account.id).folders[0].scanned_below == 3


def test_i1_mail_that_arrived_while_nothing_ran_is_told(app: SteppedApp, address: str) -> None:
    app.settled(address)
    app.close()
    app.put(address, *numbered(3))
    app.restart()
    app.tick_in(6 * 3600)
    assert app.subjects(address) == numbered(3)


def test_a_mail_is_told_once_however_often_it_is_looked_at(app: SteppedApp, address: str) -> None:
    app.settled(address)
    app.put(address, "Once")
    app.tick()
    app.tick()
    app.restart()
    app.tick()
    assert app.subjects(address) == ["Once"]


# How often, and how much it costs


def test_ten_ticks_are_ten_checks(proxied: StartApp, proxy: ImapProxy, address: str) -> None:
    app = proxied(CHECK_INTERVAL_SECONDS="60")
    began = instants.now() - timedelta(minutes=20)
    app.connect(address, now=began)
    before = proxy.count("AUTHENTICATE")
    # A timer is never quite on time.
    for number, late in enumerate([0, 4, -2, 3, 0, -3, 5, 0, 1, 0], start=1):
        at = began + timedelta(minutes=number, seconds=late)
        assert [app.tick(at), app.tick(at)] == [1, 0]
    assert proxy.count("AUTHENTICATE") - before == 10


def test_an_idle_mailbox_is_asked_for_its_status_and_left(
    proxied: StartApp, proxy: ImapProxy, address: str
) -> None:
    app = proxied()
    app.settled(address)
    proxy.commands.clear()
    app.tick()
    wait_until(lambda: proxy.count("LOGOUT"))
    assert [one.split()[0] for one in proxy.commands] == ["AUTHENTICATE", "STATUS", "LOGOUT"]


def test_nothing_on_the_wire_may_change_a_mail(
    proxied: StartApp, proxy: ImapProxy, address: str
) -> None:
    app = proxied()
    app.settled(address)
    app.put(address, "One")
    app.tick()
    verbs = {one.removeprefix("UID ").split()[0] for one in proxy.commands}
    assert verbs <= {"AUTHENTICATE", "STATUS", "EXAMINE", "SEARCH", "FETCH", "LOGOUT"}
    bodies = [one for one in proxy.commands if "BODY" in one]
    assert bodies and all("BODY.PEEK[" in one for one in bodies)


# The first check


def test_f22_more_mail_than_a_transaction_holds_is_recorded_in_several(
    proxied: StartApp, proxy: ImapProxy, address: str
) -> None:
    app = proxied()
    app.put(address, *numbered(100))
    account = app.connected(address)
    assert app.subjects(address) == numbered(100)
    ready = app.webhooks(address, "mailbox.ready")[0]["body"]["data"]
    assert (ready["found"], ready["sent"], ready["left_out"]) == (100, 100, 0)
    assert sum("BODY.PEEK" in one for one in proxy.commands) == 2
    assert (account.owed, account.dead) == (0, 0)


def test_the_newest_of_a_backlog_come_oldest_first(start_app: StartApp, address: str) -> None:
    app = start_app(BACKLOG_LIMIT="10")
    app.put(address, *numbered(14))
    app.put(address, "Read elsewhere", flags=["\\Seen"])
    app.connected(address)
    assert app.subjects(address) == numbered(14)[4:]
    ready = app.webhooks(address, "mailbox.ready")[0]["body"]["data"]
    assert (ready["found"], ready["sent"], ready["left_out"]) == (14, 10, 4)


def test_without_a_backlog_only_what_comes_later_is_told(start_app: StartApp, address: str) -> None:
    app = start_app(BACKLOG_LIMIT="0")
    app.put(address, "Old")
    app.connected(address)
    app.put(address, "New")
    app.tick()
    assert app.subjects(address) == ["New"]


def test_a_mailbox_is_ready_once(app: SteppedApp, address: str) -> None:
    app.put(address, "One")
    app.connected(address)
    app.put(address, "Two")
    app.tick()
    assert len(app.webhooks(address, "mailbox.ready")) == 1


def test_i2_a_first_check_that_was_cut_off_goes_on_and_tells_each_mail_once(
    proxied: StartApp, proxy: ImapProxy, address: str
) -> None:
    app = proxied()
    app.put(address, *numbered(100))
    proxy.on(r"UID FETCH \S*\b98\b\S* \(BODY", cut(500))
    app.connected(address)
    assert app.subjects(address) == numbered(97)
    assert not app.webhooks(address, "mailbox.ready")
    proxy.behave()
    app.tick_in(600)
    assert Counter(app.subjects(address)) == Counter(numbered(100))
    ready = app.webhooks(address, "mailbox.ready")[0]["body"]["data"]
    assert (ready["found"], ready["sent"]) == (100, 100)


# Mail that is not as it should be


def test_f24_bytes_that_are_no_mail_are_told_all_the_same(app: SteppedApp, address: str) -> None:
    app.settled(address)
    app.services.dovecot.deliver(address, b"\x00\xff\xfe not a mail \xed\xa0\x80\n\n\x00\x80")
    app.put(address, "The next")
    app.tick()
    first, second = [one["body"]["data"] for one in app.webhooks(address)]
    assert first["uid"] == 1 and first["received_at"]
    assert second["subject"] == "The next"


def test_f25_an_empty_mail_has_nulls_and_a_time_of_arrival(app: SteppedApp, address: str) -> None:
    app.settled(address)
    app.services.dovecot.deliver(address, b"\r\n")
    app.tick()
    data = app.webhooks(address)[0]["body"]["data"]
    assert (data["subject"], data["message_id"], data["date"]) == (None, None, None)
    assert (data["from"], data["received_at"] > "2026") == ([], True)


def test_f21_mail_that_went_away_after_the_search_is_passed(
    proxied: StartApp, proxy: ImapProxy, address: str
) -> None:
    app = proxied()
    account = app.settled(address)
    app.put(address, *numbered(3))
    proxy.on("UID FETCH", after(lambda: app.services.dovecot.expunge(address, 2)), times=1)
    app.tick()
    assert {"Mail 1", "Mail 3"} <= set(app.subjects(address))
    proxy.behave()
    app.tick()
    assert app.account(account.id).folders[0].scanned_below == 4


def test_f21_mail_that_was_listed_and_is_gone_is_passed(
    proxied: StartApp, proxy: ImapProxy, address: str
) -> None:
    app = proxied()
    app.settled(address)
    app.put(address, *numbered(3))
    app.services.dovecot.expunge(address, 2)
    proxy.on("UID SEARCH", rewritten("SEARCH 1 3", "SEARCH 1 2 3"))
    app.tick()
    assert app.subjects(address) == ["Mail 1", "Mail 3"]


def test_f30_a_mail_that_the_server_refuses_does_not_hold_up_the_next(
    proxied: StartApp, proxy: ImapProxy, address: str
) -> None:
    app = proxied()
    account = app.settled(address)
    app.put(address, *numbered(3))
    proxy.on(r"UID FETCH (\S+,)?2(,\S+)? \(BODY", REFUSED)
    app.tick()
    assert app.subjects(address) == ["Mail 1", "Mail 3"]
    account = app.account(account.id)
    assert (account.owed, account.failures, account.folders[0].scanned_below) == (1, 0, 4)


def test_f30_a_mail_that_can_not_even_be_listed_does_not_either(
    proxied: StartApp, proxy: ImapProxy, address: str
) -> None:
    app = proxied()
    account = app.settled(address)
    app.put(address, *numbered(3))
    proxy.on(r"UID FETCH (\S+,)?2(,\S+)? \(", REFUSED)
    app.tick()
    assert app.subjects(address) == ["Mail 1", "Mail 3"]
    account = app.account(account.id)
    assert (account.owed, account.failures, account.folders[0].scanned_below) == (1, 0, 4)


def test_f17_a_fetch_that_is_cut_tells_nothing_and_moves_nothing(
    proxied: StartApp, proxy: ImapProxy, address: str
) -> None:
    app = proxied()
    account = app.settled(address)
    app.put(address, "Whole", "Whole too")
    proxy.on(r"UID FETCH \S+ \(BODY", cut(300))
    app.tick()
    assert app.subjects(address) == []
    cursor = app.rows("mailboxes", folder="INBOX", last_uid=0)
    assert len(cursor) == 1 and app.account(account.id).folders == account.folders
    proxy.behave()
    app.tick_in(600)
    assert app.subjects(address) == ["Whole", "Whole too"]


def test_i3_a_run_that_lost_its_fence_leaves_the_cursor_for_the_next(
    proxied: StartApp, proxy: ImapProxy, address: str
) -> None:
    app = proxied()
    app.settled(address)
    app.put(address, "For whoever comes next")
    proxy.on(r"UID FETCH \S+ \(BODY", after(lambda: app.connect(address)), times=1)
    app.tick()
    assert app.subjects(address) == []
    app.tick_in(4)
    assert app.subjects(address) == ["For whoever comes next"]


def test_i3_what_was_recorded_before_the_fence_was_lost_stays_and_the_rest_is_not_lost(
    proxied: StartApp, proxy: ImapProxy, address: str
) -> None:
    app = proxied()
    app.settled(address)
    for subject in ("Large 1", "Large 2"):  # too large for one group
        body = f"{subject}\n" + ("x" * 70 + "\n") * 60_000
        mail = f"Subject: {subject}\nMessage-ID: <{subject[-1]}@sender.example>\n\n{body}"
        app.services.dovecot.deliver(address, mail.encode())
    proxy.on(r"UID FETCH 2 \(BODY", after(lambda: app.connect(address)), times=1)
    app.tick()
    assert app.subjects(address) == ["Large 1"]
    app.tick_in(4)
    assert app.subjects(address) == ["Large 1", "Large 2"]


def test_f20_without_uidnext_mail_is_found_all_the_same(
    proxied: StartApp, proxy: ImapProxy, address: str
) -> None:
    app = proxied()
    proxy.on("STATUS", rewritten("UIDNEXT", "X-NOTHING"))
    proxy.on("EXAMINE", rewritten("UIDNEXT", "X-NOTHING"))
    app.connected(address)
    app.put(address, "One", "Two")
    for _ in range(2):
        app.tick()
    assert app.subjects(address) == ["One", "Two"]


def test_f20_uids_out_of_order_are_put_in_order(
    proxied: StartApp, proxy: ImapProxy, address: str
) -> None:
    app = proxied()
    app.settled(address)
    app.put(address, *numbered(3))
    proxy.on("UID SEARCH", rewritten("SEARCH 1 2 3", "SEARCH 3 1 2"))
    app.tick()
    assert app.subjects(address) == numbered(3)


# Another UIDVALIDITY


def test_f19_other_uids_bring_no_flood_and_lose_no_mail(app: SteppedApp, address: str) -> None:
    account = app.settled(address)
    app.put(address, *numbered(5))
    app.tick()
    app.services.dovecot.renumber(address)
    app.put(address, "New")
    app.tick()
    assert app.subjects(address) == [*numbered(5), "New"]
    assert app.account(account.id).folders[0].uidvalidity != account.folders[0].uidvalidity


@pytest.mark.parametrize(
    "said",
    [rewritten("UIDNEXT", "X-NOTHING"), rewritten_by(r"UIDNEXT \d+", "UIDNEXT 1")],
    ids=["nothing", "1"],
)
def test_f19_no_flood_either_where_the_folder_says_no_good_uidnext_then(
    proxied: StartApp, proxy: ImapProxy, address: str, said: Answer
) -> None:
    """As a server does that has not counted a folder again yet when it is opened."""
    app = proxied()
    app.settled(address)
    app.put(address, "Old", received_at=instants.now() - timedelta(days=9))
    app.put(address, *numbered(5))
    app.tick()
    app.services.dovecot.renumber(address)
    app.put(address, "New")
    proxy.on("STATUS|EXAMINE", said)
    app.tick()
    assert Counter(app.subjects(address)) == Counter(["Old", *numbered(5), "New"])


def test_f19_old_mail_is_not_new_though_nobody_remembers_it(app: SteppedApp, address: str) -> None:
    account = app.settled(address)
    app.put(address, "Old", received_at=instants.now() - timedelta(days=9))
    app.put(address, "Recent")
    app.tick()
    app.parts.outbox.remove(account.id, "done:")
    app.services.dovecot.renumber(address)
    app.tick()
    assert app.subjects(address) == ["Old", "Recent", "Recent"]


def test_f19_a_reset_that_is_cut_off_brings_no_flood_and_counts_everything_once(
    proxied: StartApp, proxy: ImapProxy, address: str
) -> None:
    app = proxied()
    app.settled(address)
    app.put(address, *numbered(100))
    app.tick()
    app.services.dovecot.renumber(address)
    app.put(address, "New")
    proxy.on(r"UID FETCH \S*\b98\b\S* \(BODY", cut(), times=1)
    app.tick()
    assert not app.webhooks(address, "mailbox.reset")
    app.tick_in(600)
    assert Counter(app.subjects(address)) == Counter([*numbered(100), "New"])
    (told,) = app.webhooks(address, "mailbox.reset")
    data = told["body"]["data"]
    assert [data[name] for name in ("found", "known", "sent", "left_out")] == [101, 100, 1, 0]


def test_f19_a_reset_is_told_once_with_what_became_of_the_mail(
    app: SteppedApp, address: str
) -> None:
    app.settled(address)
    app.put(address, "Forgotten", received_at=instants.now() - timedelta(days=9))
    app.put(address, *numbered(3))
    app.tick()
    old = next(row for row in app.rows("mailboxes") if row.get("uid") == 1)
    app.edit("mailboxes", old["PartitionKey"], old["RowKey"], hash="")
    app.services.dovecot.renumber(address)
    app.put(address, "New")
    app.tick()
    app.tick()
    (told,) = app.webhooks(address, "mailbox.reset")
    data = told["body"]["data"]
    counts = [data[name] for name in ("found", "known", "sent", "left_out")]
    assert (data["folder"], counts) == ("INBOX", [5, 3, 1, 1])
    assert data["uid_validity"] == app.account(data["account"]["id"]).folders[0].uidvalidity
    assert problems(told["body"]) == []


def test_f19_an_empty_folder_that_is_numbered_anew_is_told_of_too(
    app: SteppedApp, address: str
) -> None:
    account = app.settled(address)
    app.edit("mailboxes", account.id, ids_of.cursor_key("INBOX"), uidvalidity=1, last_uid=9)
    app.edit("accounts", account.shard, account.id, folders='[["INBOX", 1, 10]]')
    app.tick()
    data = app.webhooks(address, "mailbox.reset")[0]["body"]["data"]
    assert (data["found"], data["known"], data["sent"], data["left_out"]) == (0, 0, 0, 0)


# What is looked for


def test_new_mail_that_was_read_elsewhere_is_told_where_that_is_wanted(
    start_app: StartApp, address: str
) -> None:
    app = start_app(CHECK_FOR="new")
    app.settled(address)
    app.put(address, "Read elsewhere", flags=["\\Seen"])
    app.put(address, "Unseen")
    app.tick()
    assert app.subjects(address) == ["Read elsewhere", "Unseen"]
    assert app.webhooks(address)[0]["body"]["data"]["flags"] == ["\\Seen"]


def test_a_first_check_takes_no_read_mail_whatever_is_looked_for(
    start_app: StartApp, address: str
) -> None:
    app = start_app(CHECK_FOR="new")
    app.put(address, "Read long ago", flags=["\\Seen"])
    app.put(address, "Unseen")
    app.connected(address)
    assert app.subjects(address) == ["Unseen"]


def test_flags_are_about_the_mail_and_not_about_sessions(app: SteppedApp, address: str) -> None:
    app.settled(address)
    app.put(address, "Fresh")
    app.tick()
    assert app.webhooks(address)[0]["body"]["data"]["flags"] == []


# Several folders


@pytest.mark.parametrize(
    ("name", "on_disk"),
    [
        ("Two words", "Two words"),
        ('She said "no"', 'She said "no"'),
        ("Entwürfe", "Entw&APw-rfe"),
        ("受信箱", "&U9dP4Xux-"),
        ("R&D", "R&-D"),
        ("Back\\slash", "Back\\slash"),
        ("{9}", "{9}"),
    ],
)
def test_folders_of_any_name_are_looked_through(
    app: SteppedApp, address: str, name: str, on_disk: str
) -> None:
    account = app.settled(address)
    app.put(address, "In the folder", folder=on_disk)
    app.put(address, "In the inbox")
    inbox = [["INBOX", 0, 0], [name, 0, 0]]
    app.edit("accounts", account.shard, account.id, folders=json.dumps(inbox))
    app.tick()
    told = {one["body"]["data"]["folder"]: one["body"]["data"] for one in app.webhooks(address)}
    assert {folder: one["subject"] for folder, one in told.items()} == {
        "INBOX": "In the inbox",
        name: "In the folder",
    }
    app.tick()
    assert len(app.webhooks(address)) == 2
    folders = {one.name: one.scanned_below for one in app.account(account.id).folders}
    assert folders == {"INBOX": 2, name: 2}


@pytest.mark.parametrize("refusal", ["", "BAD Command Argument Error. 12"])
def test_one_folder_that_is_refused_does_not_hold_up_the_others(
    proxied: StartApp, proxy: ImapProxy, address: str, refusal: str
) -> None:
    app = proxied()
    account = app.settled(address)
    app.put(address, "Hello")
    folders = json.dumps([["Gone", 0, 0], ["INBOX", 0, 0]])
    app.edit("accounts", account.shard, account.id, folders=folders)
    if refusal:
        proxy.on('STATUS "?Gone', says(refusal))
    app.tick()
    assert app.subjects(address) == ["Hello"]
    assert app.account(account.id).status == "active"


def test_an_account_of_which_every_folder_is_gone_is_blocked(app: SteppedApp, address: str) -> None:
    account = app.settled(address)
    app.edit("accounts", account.shard, account.id, folders='[["Gone", 0, 0]]')
    app.tick()
    account = app.account(account.id)
    assert (account.status, account.code) == ("blocked", "folder_missing")


# One among others


def test_i5_a_mailbox_that_hangs_up_does_not_hold_up_another(
    proxied: StartApp, proxy: ImapProxy, address: str
) -> None:
    app = proxied()
    broken, good = f"broken.{address}", f"good.{address}"
    for one in (broken, good):
        app.settled(one)
        app.put(one, "Hello")
    proxy.on('STATUS "INBOX"', cut(), times=1)
    assert app.tick() == 1
    assert sorted(app.subjects(broken) + app.subjects(good)) == ["Hello"]
    app.tick_in(120)
    assert app.subjects(broken) == app.subjects(good) == ["Hello"]


def test_ids_of_different_mails_differ(app: SteppedApp, address: str) -> None:
    app.settled(address)
    app.put(address, *numbered(5))
    app.tick()
    assert len(ids(app.webhooks(address))) == 5
