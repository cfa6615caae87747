"""Sending: what arrives and as whom, once for each key, and what is said where it does not."""

import base64
import logging
import threading
from collections.abc import Callable
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest

from shared import instants
from shared.account_rows import Account
from shared.errors import Blocked, Rejected, TryAgain, UnseenError
from tests.conftest import StartApp
from tests.lab import submission
from tests.lab.http_proxy import TableProxy
from tests.lab.imap_proxy import ImapProxy, says
from tests.lab.services import Services
from tests.lab.stepped_app import SteppedApp
from tests.lab.submission import Accepted, Fault, Submission
from tests.lab.waiting import wait_until
from tests.log_lines import lines
from tests.refusals import refused

TO = "to@receiver.example"


@pytest.fixture
def account(app: SteppedApp, address: str) -> Account:
    return app.settled(address)


@pytest.fixture
def server(services: Services) -> Submission:
    return services.submission


def mail(**fields: Any) -> dict[str, Any]:
    """A body that is in order."""
    return {"to": [TO], "subject": "Hello", "text": "Hello!\n"} | fields


def parsed(sent: Accepted) -> EmailMessage:
    found = message_from_bytes(sent.raw.replace(b"\r\n", b"\n"), policy=policy.default)
    assert isinstance(found, EmailMessage)
    return found


def failure(work: Callable[[], object]) -> UnseenError:
    with pytest.raises(UnseenError) as caught:
        work()
    return caught.value


# What arrives


def test_a_mail_arrives_as_it_was_written(
    app: SteppedApp, account: Account, server: Submission, address: str
) -> None:
    content = bytes(range(256)) * 400
    attachment = {
        "filename": "Rechnung März.pdf",
        "content_type": "application/pdf",
        "content_base64": base64.b64encode(content).decode(),
    }
    body = mail(
        to=[{"name": "Jürgen, Groß", "address": TO}],
        subject="Grüße aus Köln",
        text="Schöne Grüße\n.\nJürgen\n",
        html="<p>Schöne Grüße</p>",
        reply_to=["answers@sender.example"],
        attachments=[attachment],
        headers={"X-Ticket": "4711"},
    )
    outcome = app.parts.send.send(account.id, body, None)
    sent = parsed(server.accepted[0])
    assert sent["To"].addresses[0].display_name == "Jürgen, Groß"
    assert (sent["From"], sent["Subject"]) == (address, "Grüße aus Köln")
    assert (sent["Reply-To"], sent["X-Ticket"]) == ("answers@sender.example", "4711")
    assert sent["Message-ID"] == f"<{outcome['message_id']}>"
    text, html = sent.get_body(("plain",)), sent.get_body(("html",))
    assert text and text.get_content() == "Schöne Grüße\n.\nJürgen\n"
    assert html and html.get_content() == "<p>Schöne Grüße</p>\n"
    [attached] = sent.iter_attachments()
    assert (attached.get_filename(), attached.get_content()) == ("Rechnung März.pdf", content)
    assert attached.get_content_type() == "application/pdf"


def test_the_answer_says_the_message_id_and_what_the_server_said(
    app: SteppedApp, account: Account, address: str
) -> None:
    outcome = app.parts.send.send(account.id, mail(), None)
    assert set(outcome) == {"message_id", "accepted_at", "server"}
    assert outcome["server"].startswith("250 2.0.0 OK <")
    assert outcome["message_id"].endswith(f"@{address.partition('@')[2]}")


def test_who_is_in_bcc_gets_it_and_nobody_learns_of_it(
    app: SteppedApp, account: Account, server: Submission
) -> None:
    app.parts.send.send(account.id, mail(cc=["cc@x.example"], bcc=["hidden@x.example"]), None)
    assert server.accepted[0].recipients == (TO, "cc@x.example", "hidden@x.example")
    assert b"hidden" not in server.accepted[0].raw and b"bcc" not in server.accepted[0].raw.lower()


def test_an_address_that_is_named_twice_gets_it_once(
    app: SteppedApp, account: Account, server: Submission
) -> None:
    app.parts.send.send(account.id, mail(cc=[TO], bcc=[TO]), None)
    assert server.accepted[0].recipients == (TO,)


# As whom


def test_t23_nobody_sends_as_somebody_else(
    app: SteppedApp, account: Account, server: Submission
) -> None:
    body = mail(**{"from": "ada@outlook.example"})
    assert refused(lambda: app.parts.send.send(account.id, body, None)) == (
        *("field_invalid", "from"),
        400,
    )
    assert not server.logins


def test_an_alias_that_is_configured_may_be_the_sender(
    app: SteppedApp, account: Account, server: Submission, address: str
) -> None:
    alias = f"alias.{address}"
    app.services.microsoft.add_account(address, mailboxes=[alias])
    shown = app.parts.directory.change(account.id, {"aliases": [alias]})
    assert shown["aliases"] == [alias]
    body = mail(**{"from": {"name": "Support", "address": alias.upper()}})
    app.parts.send.send(account.id, body, None)
    assert server.accepted[0].sender.lower() == alias
    assert parsed(server.accepted[0])["From"].addresses[0].display_name == "Support"


def test_what_exchange_does_not_let_it_send_as_is_told(
    app: SteppedApp, account: Account, server: Submission
) -> None:
    app.parts.directory.change(account.id, {"aliases": ["other@x.example"]})
    error = failure(
        lambda: app.parts.send.send(account.id, mail(**{"from": "other@x.example"}), None)
    )
    assert (type(error), error.code) == (Blocked, "send_as_denied")
    assert not server.accepted


def test_a_shared_mailbox_is_the_sender_and_its_delegate_signs_in(
    app: SteppedApp, server: Submission, address: str
) -> None:
    delegate, shared = f"delegate.{address}", f"shared.{address}"
    app.services.microsoft.add_account(delegate, "work", mailboxes=[shared])
    link = app.parts.invitations.create({"shared_mailbox": shared}, instants.now())["url"]
    invitation = app.parts.invitations.opened(link.partition("invitation=")[2], instants.now())
    sign_in = app.parts.microsoft.finish(*app.answer_of(delegate, "work"), instants.now())
    account = app.parts.enrol.enrol(sign_in, instants.now(), invitation).account
    app.parts.send.send(account.id, mail(), "key")
    sent = server.accepted[0]
    assert (sent.login, sent.sender, parsed(sent)["From"]) == (delegate, shared, shared)


def test_without_a_sign_in_the_application_sends_in_its_own_name(
    app: SteppedApp, server: Submission, address: str
) -> None:
    mailbox = address.replace("outlook", "contoso")
    app.services.microsoft.consent_app("contoso.example")
    app.services.microsoft.allow_app(mailbox)
    body = {"tenant": "contoso.example", "mailbox": mailbox, "reference": ""}
    account = app.parts.app_only.connect(body, instants.now()).told()
    app.parts.send.send(account["id"], mail(), None)
    assert (server.accepted[0].login, server.accepted[0].sender) == (mailbox, mailbox)


# A reply


def _original(address: str, **fields: str) -> bytes:
    original = EmailMessage()
    for name, value in ({"From": TO, "To": address, "Subject": "Frage"} | fields).items():
        original[name.replace("_", "-")] = value
    original.set_content("?")
    return original.as_bytes()


def test_a_reply_by_uid_is_threaded(
    app: SteppedApp, account: Account, server: Submission, address: str
) -> None:
    long = f"{'a' * 120}@mail.example"
    raw = _original(address, Message_ID=f"<{long}>", References="<first@x.example> <2@x.example>")
    app.services.dovecot.deliver(address, raw)
    body = mail(in_reply_to_uid=1)
    del body["subject"]
    app.parts.send.send(account.id, body, None)
    sent = server.accepted[0].raw
    assert parsed(server.accepted[0])["Subject"] == "Re: Frage"
    assert f"In-Reply-To: <{long}>\r\n".encode() in sent
    references = f"References: <first@x.example>\r\n <2@x.example>\r\n <{long}>\r\n"
    assert references.encode() in sent


def test_a_reply_by_message_id_is_threaded_too(
    app: SteppedApp, account: Account, server: Submission
) -> None:
    app.parts.send.send(account.id, mail(in_reply_to="<1@x.example>"), None)
    sent = parsed(server.accepted[0])
    assert (sent["In-Reply-To"], sent["References"]) == ("<1@x.example>", "<1@x.example>")
    assert sent["Subject"] == "Re: Hello"


@pytest.mark.parametrize(
    ("fields", "named"),
    [({}, "in_reply_to_uid"), ({"uid_validity": 7}, "uid_validity")],
)
def test_a_uid_that_is_not_there_is_named(
    app: SteppedApp, account: Account, server: Submission, fields: dict[str, Any], named: str
) -> None:
    body = mail(in_reply_to_uid=4711, **fields)
    assert refused(lambda: app.parts.send.send(account.id, body, None))[1] == named
    assert not server.accepted


def test_a_reply_to_a_mail_of_a_folder_that_is_not_there_says_which_field(
    app: SteppedApp, account: Account
) -> None:
    body = mail(in_reply_to_uid=1, folder="Nowhere")
    problem = refused(lambda: app.parts.send.send(account.id, body, None))
    assert problem == ("folder_unknown", "folder", 404)


def test_answering_leaves_the_mail_unseen(app: SteppedApp, account: Account, address: str) -> None:
    app.put(address)
    app.parts.send.send(account.id, mail(in_reply_to_uid=1), None)
    assert app.services.dovecot.flags(address) == {1: set()}


# Refusals


def test_t22_nothing_gets_through_a_field_into_the_header(
    app: SteppedApp, account: Account, server: Submission
) -> None:
    for control in ("\r\nBcc: x@evil.example", "\n", "\r", "\0", "\x01", "\u2028"):
        attachment = {"filename": f"a{control}.txt", "content_base64": ""}
        bodies = [
            mail(to=[f"to{control}@receiver.example"]),
            mail(to=[{"name": f"Ada{control}", "address": TO}]),
            mail(subject=f"Hello{control}"),
            mail(attachments=[attachment]),
            mail(headers={"X-Ticket": f"1{control}"}),
            mail(headers={f"X-Ticket{control}": "1"}),
            mail(in_reply_to=f"<1{control}@x.example>"),
        ]
        for body in bodies:
            assert refused(lambda body=body: app.parts.send.send(account.id, body, None))[2] == 400  # type: ignore[misc]
    assert not server.logins


@pytest.mark.parametrize(
    ("fault", "kind", "code"),
    [
        (submission.DISABLED, Blocked, "smtp_disabled"),
        (submission.THREAD_LIMIT, TryAgain, "smtp_throttled"),
        (Fault("DATA", "451 4.7.500 Server busy"), TryAgain, "smtp_unavailable"),
        (Fault("DATA", "552 5.3.4 Message size exceeds"), Rejected, "mail_too_large"),
        (Fault("DATA", "550 5.1.8 Access denied, bad outbound sender"), Blocked, "sending_"),
        (Fault("DATA", "554 5.6.0 Corrupt message content"), Rejected, "mail_refused"),
        (Fault("RCPT", "501 5.1.3 Invalid address"), Rejected, "recipient_refused"),
        (Fault("RCPT", "452 4.5.3 Too many recipients"), TryAgain, "smtp_unavailable"),
    ],
)
def test_a_refusal_has_its_code_and_the_key_is_free_again(
    app: SteppedApp, account: Account, server: Submission, fault: Fault, kind: type, code: str
) -> None:
    server.fail(fault)
    error = failure(lambda: app.parts.send.send(account.id, mail(), "key"))
    assert type(error) is kind and error.code.startswith(code)
    assert not server.accepted
    assert app.parts.send.send(account.id, mail(), "key")["server"].startswith("250")
    assert len(server.accepted) == 1


def test_a_recipient_that_is_refused_is_named_and_the_others_get_nothing(
    app: SteppedApp, account: Account, server: Submission
) -> None:
    server.fail(Fault("RCPT", "250 2.1.5 OK"), Fault("RCPT", "550 5.1.1 User unknown"))
    body = mail(cc=["gone@receiver.example", "there@receiver.example"])
    found = refused(lambda: app.parts.send.send(account.id, body, None))
    assert found == ("recipient_refused", "cc.0", 422)
    assert not server.accepted


def test_a_refused_token_is_renewed_once(
    app: SteppedApp, account: Account, server: Submission, address: str
) -> None:
    app.services.microsoft.expire_access_tokens(address)
    assert app.parts.send.send(account.id, mail(), None)
    assert (server.logins, len(server.accepted)) == (2, 1)


def test_two_refused_tokens_are_the_mailboxs_fault(
    app: SteppedApp, account: Account, server: Submission
) -> None:
    server.fail(submission.BAD_TOKEN, submission.BAD_TOKEN)
    error = failure(lambda: app.parts.send.send(account.id, mail(), None))
    assert (type(error), error.code, server.logins) == (Blocked, "smtp_denied", 2)


def test_a_mailbox_that_may_not_send_is_read_all_the_same(
    app: SteppedApp, account: Account, server: Submission
) -> None:
    server.fail(submission.DISABLED)
    failure(lambda: app.parts.send.send(account.id, mail(), None))
    assert app.account(account.id).status == "active"


def test_without_sending_the_route_is_off(
    start_app: StartApp, server: Submission, address: str
) -> None:
    app = start_app(SENDING="false")
    account = app.settled(address)
    found = refused(lambda: app.parts.send.send(account.id, mail(), None))
    assert found == ("sending_off", "", 404)
    assert not server.logins


def test_an_account_that_waits_for_its_owner_sends_nothing(
    app: SteppedApp, account: Account, server: Submission
) -> None:
    app.edit("accounts", account.shard, account.id, status="reconnect_required", code="")
    found = refused(lambda: app.parts.send.send(account.id, mail(), None))
    assert found == ("sign_in_again", "reconnect_required", 409)
    assert not server.logins


def test_a_sign_in_that_ends_while_it_sends_is_told_with_where_to_sign_in_again(
    app: SteppedApp, account: Account, server: Submission
) -> None:
    app.services.microsoft.revoke(account.address)
    app.edit("tokens", account.shard, account.id, expires_at="2020-01-01T00:00:00Z")
    with pytest.raises(Rejected) as caught:
        app.parts.send.send(account.id, mail(), None)
    assert (caught.value.status, caught.value.detail) == (409, "reconnect_required")
    assert str(caught.value.more["link"]).endswith("/api/login")
    assert not server.logins


@pytest.mark.parametrize("name", ["acc_" + "a" * 26, "system", "x"])
def test_what_is_no_account_is_not_found(app: SteppedApp, name: str) -> None:
    assert refused(lambda: app.parts.send.send(name, mail(), None))[::2] == ("account_unknown", 404)


def test_f13_a_session_that_dies_with_its_token_while_the_original_is_read_is_a_passing_fault(
    proxied: StartApp, proxy: ImapProxy, address: str, server: Submission
) -> None:
    app = proxied()
    account = app.settled(address)
    app.put(address)
    proxy.on("EXAMINE", says("BAD Command received in Invalid state."))
    error = failure(lambda: app.parts.send.send(account.id, mail(in_reply_to_uid=1), None))
    assert (type(error), error.code) == (TryAgain, "imap_unavailable")
    assert not server.logins


# Once


def test_a_key_answers_what_it_answered_first(
    app: SteppedApp, account: Account, server: Submission
) -> None:
    first = app.parts.send.send(account.id, mail(), "key")
    assert app.parts.send.send(account.id, mail(), "key") == first
    assert len(server.accepted) == 1


def test_a_key_with_another_mail_is_refused(
    app: SteppedApp, account: Account, server: Submission
) -> None:
    app.parts.send.send(account.id, mail(), "key")
    found = refused(lambda: app.parts.send.send(account.id, mail(text="Other"), "key"))
    assert found == ("idempotency_key_reused", "Idempotency-Key", 422)
    assert len(server.accepted) == 1


def test_a_key_is_one_accounts_own(
    app: SteppedApp, account: Account, server: Submission, address: str
) -> None:
    other = app.settled(f"other.{address}")
    for one in (account, other):
        app.parts.send.send(one.id, mail(), "key")
    assert len(server.accepted) == 2


def test_without_a_key_each_is_a_mail_of_its_own(
    app: SteppedApp, account: Account, server: Submission
) -> None:
    for _ in range(2):
        app.parts.send.send(account.id, mail(), None)
    assert len(server.accepted) == 2


def test_a_connection_that_ends_after_the_mail_is_not_sent_on_again(
    app: SteppedApp, account: Account, server: Submission
) -> None:
    server.fail(submission.CUT_AFTER_DATA)
    error = failure(lambda: app.parts.send.send(account.id, mail(), "key"))
    assert isinstance(error, Rejected) and (error.code, error.status) == ("outcome_unknown", 409)
    found = app.parts.send.send(account.id, mail(), "key")
    assert found["message_id"] == error.more["message_id"]
    assert app.parts.send.send(account.id, mail(), "key") == found
    assert len(server.accepted) == 1


def test_a_copy_that_exchange_has_renamed_is_recognised(
    app: SteppedApp, account: Account, server: Submission
) -> None:
    server.replaces_message_ids = True
    server.fail(submission.CUT_AFTER_DATA)
    failure(lambda: app.parts.send.send(account.id, mail(), "key"))
    assert app.parts.send.send(account.id, mail(), "key")["message_id"]
    assert len(server.accepted) == 1


def test_a_reply_that_is_none_leaves_the_outcome_unknown(
    app: SteppedApp, account: Account, server: Submission
) -> None:
    server.fail(Fault("DATA", "nonsense"))
    for _ in range(2):
        found = refused(lambda: app.parts.send.send(account.id, mail(), "key"))
        assert found == ("outcome_unknown", "", 409)
    assert server.logins == 1


def test_a_mail_that_got_lost_is_not_sent_again_either(
    app: SteppedApp, account: Account, server: Submission
) -> None:
    server.fail(submission.CUT_AND_LOST)
    for _ in range(3):
        found = refused(lambda: app.parts.send.send(account.id, mail(), "key"))
        assert found == ("outcome_unknown", "", 409)
    assert (server.logins, server.accepted) == (1, [])


def test_the_same_key_from_ten_threads_is_one_mail(
    app: SteppedApp, account: Account, server: Submission
) -> None:
    together, found = threading.Barrier(10), []

    def send() -> None:
        together.wait(10)
        try:
            found.append(app.parts.send.send(account.id, mail(), "key")["message_id"])
        except UnseenError as error:
            found.append(error.code)

    threads = [threading.Thread(target=send) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(server.accepted) == 1
    sent = parsed(server.accepted[0])["Message-ID"][1:-1]
    assert len(found) == 10 and sent in found
    assert set(found) <= {sent, "outcome_unknown", "sending_limit"}
    assert app.parts.send.send(account.id, mail(), "key")["message_id"] == sent


def test_an_answer_of_the_table_that_gets_lost_changes_nothing(
    start_app: StartApp, lossy: TableProxy, server: Submission, address: str
) -> None:
    app = start_app(STORAGE=lossy.connection_string)
    account = app.settled(address)
    lossy.lose()
    first = app.parts.send.send(account.id, mail(), "key")
    assert app.parts.send.send(account.id, mail(), "key") == first
    assert len(server.accepted) == 1


def test_an_outcome_that_can_not_be_kept_is_told_all_the_same(
    start_app: StartApp, lossy: TableProxy, server: Submission, address: str
) -> None:
    app = start_app(STORAGE=lossy.connection_string)
    account = app.settled(address)
    server.watch(lambda: lossy.refuse(4))
    first = app.parts.send.send(account.id, mail(), "key")
    assert app.rows("once", PartitionKey="submission")[0]["state"] == "sending"
    again = app.parts.send.send(account.id, mail(), "key")
    assert again["message_id"] == first["message_id"]
    assert len(server.accepted) == 1


# Limits


def test_three_at_once_are_all_that_exchange_takes(
    app: SteppedApp, account: Account, server: Submission
) -> None:
    go_on = threading.Event()
    server.watch(lambda: go_on.wait(30))
    threads = [
        threading.Thread(target=app.parts.send.send, args=(account.id, mail(), None))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(server.accepted) == 3, what="three that wait for their reply")
    error = failure(lambda: app.parts.send.send(account.id, mail(), None))
    assert isinstance(error, Rejected)
    assert (error.code, error.status, error.retry_after_seconds) == ("sending_limit", 429, 2)
    go_on.set()
    for thread in threads:
        thread.join(30)
    assert (len(server.accepted), server.most_at_once) == (3, 3)
    assert app.parts.send.send(account.id, mail(), None)


# Secrets


def test_neither_token_nor_mail_nor_address_is_in_a_log_or_in_a_row(
    app: SteppedApp,
    account: Account,
    server: Submission,
    address: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    body = mail(subject="canary-subject", text="canary-text", cc=["canary@x.example"])
    with caplog.at_level(logging.DEBUG):
        app.parts.send.send(account.id, body, "canary-key")
        server.fail(Fault("RCPT", "550 5.1.1 canary@x.example unknown"))
        failure(lambda: app.parts.send.send(account.id, body, None))
        server.fail(submission.BAD_TOKEN, submission.BAD_TOKEN)
        failure(lambda: app.parts.send.send(account.id, body, None))
        server.fail(submission.CUT_AND_LOST)
        failure(lambda: app.parts.send.send(account.id, body, "canary-key-2"))
    assert {"event": "mail_sent", "account": account.id, "recipients": 2} in lines(caplog)
    stored = str(app.rows("once"))
    for secret in ("EwB4", "canary", address, TO):
        assert secret not in caplog.text and secret not in stored
