"""Content of mails: what is larger than is read, and what has another size than was said."""

import re
from email.message import EmailMessage

import pytest

from tests.conftest import StartApp
from tests.event_schemas import problems
from tests.lab.imap_proxy import ImapProxy, says, sizes_times


def large_mail(to: str) -> bytes:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "ada@sender.example", to, "Films"
    mail["Message-ID"] = "<films@sender.example>"
    mail.set_content("See the films.\n")
    for name in ("Köln.mp4", "Paris.mp4"):
        mail.add_attachment(b"x" * 150_000, maintype="video", subtype="mp4", filename=name)
    return mail.as_bytes()


def test_f23_of_a_mail_that_is_too_large_only_headers_and_structure_are_read(
    proxied: StartApp, proxy: ImapProxy, address: str
) -> None:
    app = proxied(MAX_MAIL_BYTES="65536")
    app.settled(address)
    app.services.dovecot.deliver(address, large_mail(address))
    app.put(address, "The next")
    app.tick()
    data = app.webhooks(address)[0]["body"]["data"]
    assert (data["subject"], data["message_id"]) == ("Films", "films@sender.example")
    assert (data["text"], data["html"], data["truncated"]) == (None, None, True)
    assert data["issues"] == ["too_large"] and data["size"] > 400_000
    names = [(one["id"], one["filename"], one["content_type"]) for one in data["attachments"]]
    assert names == [("2", "Köln.mp4", "video/mp4"), ("3", "Paris.mp4", "video/mp4")]
    assert all(abs(one["size"] - 150_000) < 3000 for one in data["attachments"])
    assert problems(app.webhooks(address)[0]["body"]) == []
    assert app.subjects(address) == ["Films", "The next"]
    assert not [one for one in proxy.commands if re.match(r"UID FETCH 1 .*BODY\.PEEK\[\]", one)]


def test_t26_a_structure_too_deep_to_read_costs_its_mail_the_attachments_and_no_other_mail(
    proxied: StartApp, proxy: ImapProxy, address: str
) -> None:
    app = proxied(MAX_MAIL_BYTES="65536")
    app.settled(address)
    app.services.dovecot.deliver(address, large_mail(address))
    app.put(address, "The next")
    deep = "(" * 5000 + '"text" "plain" NIL NIL NIL "7bit" 5 1' + ' "mixed")' * 4999 + ")"
    proxy.on(
        "UID FETCH 1 .*BODYSTRUCTURE", says("OK done", f"1 FETCH (UID 1 BODYSTRUCTURE {deep})")
    )
    app.tick()
    assert app.subjects(address) == ["Films", "The next"]
    data = app.webhooks(address)[0]["body"]["data"]
    assert (data["attachments"], data["truncated"]) == ([], True)


def test_f23_a_mail_that_is_larger_than_the_server_said_is_cut(
    proxied: StartApp, proxy: ImapProxy, address: str
) -> None:
    app = proxied(MAX_MAIL_BYTES="65536")
    app.settled(address)
    app.services.dovecot.deliver(address, large_mail(address))
    proxy.on(r"UID FETCH \S+ \(RFC822.SIZE", sizes_times(0.1))
    app.tick()
    data = app.webhooks(address)[0]["body"]["data"]
    assert (data["subject"], data["truncated"]) == ("Films", True)
    assert data["text"].strip() == "See the films."
    assert "too_large" in data["issues"]


def test_f23_mails_whose_sizes_are_gross_lies_arrive_whole_all_the_same(
    proxied: StartApp, proxy: ImapProxy, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.imap_wire._MAX_COMMAND_BYTES", 1_000_000)  # two of the mails
    monkeypatch.setattr("shared.mail_content._ANSWER_BYTES", 800_000)
    app = proxied()
    app.settled(address)
    for _ in range(4):
        app.services.dovecot.deliver(address, large_mail(address))
    app.put(address, "Small")
    proxy.on(r"UID FETCH \S+ \(RFC822.SIZE", sizes_times(0.001))
    app.tick()
    assert sorted(app.subjects(address)) == [*["Films"] * 4, "Small"]
    assert not any(one["body"]["data"]["truncated"] for one in app.webhooks(address))
    assert proxy.count("UID FETCH") == 1 + 1 + 4  # listed, together, and four alone


@pytest.mark.parametrize("factor", [0.8, 1.2])
def test_sizes_that_are_estimates_change_nothing(
    proxied: StartApp, proxy: ImapProxy, address: str, factor: float
) -> None:
    app = proxied()
    app.settled(address)
    app.services.dovecot.deliver(address, large_mail(address))
    proxy.on(r"UID FETCH \S+ \(RFC822.SIZE", sizes_times(factor))
    app.tick()
    data = app.webhooks(address)[0]["body"]["data"]
    assert [one["size"] for one in data["attachments"]] == [150_000, 150_000]
    assert data["truncated"] is False
