"""Downloads over the API: raw mail and attachments, with the header fields of a stranger's file."""

import re
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default

import pytest
import requests

from tests.conftest import StartLab
from tests.lab.imap_proxy import ImapProxy
from tests.lab.mails import five, with_file
from tests.lab.memory import peak_mb
from tests.mailbox import Mailbox
from tests.refusals import problem

_MIB = 1024 * 1024
_PIXEL = b"\x89PNG\r\n\x1a\n"


def attachment(mailbox: Mailbox, number: str = "2", uid: int = 1) -> requests.Response:
    answer = mailbox.ask(f"messages/{uid}/attachments/{number}")
    assert answer.status_code == 200, answer.text
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Cache-Control"] == "no-store"
    return answer


def test_an_events_url_gives_its_attachment(mailbox: Mailbox) -> None:
    mailbox.lab.mail(mailbox.address, five(mailbox.address)["attachment"])
    (event,) = mailbox.lab.receiver.wait_for(1, mailbox.address)
    (listed,) = event["body"]["data"]["attachments"]
    answer = mailbox.lab.host.api("GET", listed["url"].partition("/api/")[2])
    assert answer.content == b"%PDF-1.4\n%%EOF\n" and len(answer.content) == listed["size"]
    assert answer.headers["Content-Type"] == "application/pdf"
    assert answer.headers["Content-Disposition"] == (
        "attachment; filename=\"Rechnung M_rz.pdf\"; filename*=UTF-8''Rechnung%20M%C3%A4rz.pdf"
    )


def test_a_raw_mail_is_what_the_server_has(mailbox: Mailbox) -> None:
    raw = five(mailbox.address)["bounce"]
    mailbox.lab.mail(mailbox.address, raw)
    answer = mailbox.ask("messages/1/raw")
    assert answer.content.replace(b"\r\n", b"\n") == raw.replace(b"\r\n", b"\n")
    assert answer.headers["Content-Type"] == "message/rfc822"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="message-1.eml"'
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_only_the_part_that_is_asked_for_is_fetched(
    start_lab: StartLab, proxy: ImapProxy, address: str
) -> None:
    mailbox = Mailbox(start_lab(settings={"IMAP_HOST": f"localhost:{proxy.port}"}), address)
    mailbox.lab.wait_for_account(address, claim="")
    mailbox.lab.mail(address, with_file(address, "Hello\n", "a.bin", b"x" * 1000))
    assert attachment(mailbox).content == b"x" * 1000
    fetched = [one for one in proxy.commands if one.startswith("UID FETCH")]
    sections = {section for one in fetched for section in re.findall(r"BODY\.PEEK\[(.*?)\]", one)}
    assert sections == {"HEADER", "2"}
    assert proxy.count("EXAMINE") and not proxy.count("SELECT")


@pytest.mark.parametrize(
    ("kind", "inline"),
    [
        *(("image/png", True), ("image/jpeg", True)),
        *(("text/html", False), ("image/svg+xml", False), ("text/xml", False)),
        *(("application/pdf", False), ("application/xhtml+xml", False)),
    ],
)
def test_t29_only_pictures_that_cannot_act_are_inline(
    mailbox: Mailbox, kind: str, inline: bool
) -> None:
    raw = with_file(mailbox.address, "Hello\n", "a", _PIXEL, kind=kind)
    mailbox.lab.mail(mailbox.address, raw)
    inlined = raw.replace(b"Content-Disposition: attachment", b"Content-Disposition: inline")
    mailbox.lab.mail(mailbox.address, inlined)
    mailbox.got("messages")  # the server gives UIDs as it notices
    said = [attachment(mailbox, uid=uid).headers["Content-Disposition"] for uid in (1, 2)]
    assert said[0].startswith("attachment;")
    assert said[1].startswith("inline;" if inline else "attachment;")
    assert attachment(mailbox).headers["Content-Type"] == kind


@pytest.mark.parametrize(
    "name",
    ["../../etc/passwd", "a%0D%0ASet-Cookie: x=1", "a%00b", "%E2%80%AEgpj.exe", '%22; x="', ""],
)
def test_t22_no_attachments_name_adds_a_header_or_a_path(mailbox: Mailbox, name: str) -> None:
    raw = with_file(mailbox.address, "Hello\n", "NAME", b"x")
    old = b'filename="NAME"'
    assert old in raw
    new = b"filename*=utf-8''" + name.replace(" ", "%20").replace('"', "%22").encode()
    mailbox.lab.mail(mailbox.address, raw.replace(old, new))
    answer = attachment(mailbox)
    said = answer.headers["Content-Disposition"]
    assert re.fullmatch(r"attachment; filename=\"[^\"\\/]+\"(; filename\*=UTF-8''[^\s;]+)?", said)
    assert "Set-Cookie" not in answer.headers
    assert not {"%0D", "%0A", "%00", "%2F", "%E2%80%AE"} & set(re.findall("%..", said))


def test_a_mail_that_is_one_file_is_its_attachment(mailbox: Mailbox) -> None:
    raw = b"Subject: x\r\nContent-Type: video/mp4; name=a.mp4\r\n"
    raw += b"Content-Transfer-Encoding: base64\r\n\r\naGVsbG8=\r\n"
    mailbox.lab.mail(mailbox.address, raw)
    answer = attachment(mailbox, "1")
    assert (answer.content, answer.headers["Content-Type"]) == (b"hello", "video/mp4")


def test_a_mail_within_a_mail_is_an_attachment_without_a_name(mailbox: Mailbox) -> None:
    inner, outer = EmailMessage(), EmailMessage()
    inner["Subject"] = "Inner"
    inner.set_content("Hello\n")
    outer["Subject"] = "Outer"
    outer.set_content("See below\n")
    outer.add_attachment(inner)
    mailbox.lab.mail(mailbox.address, outer.as_bytes())
    answer = attachment(mailbox)
    assert BytesParser(policy=default).parsebytes(answer.content)["Subject"] == "Inner"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="attachment-2.eml"'


def test_a_file_in_the_text_is_an_attachment_too(mailbox: Mailbox) -> None:
    raw = b"Subject: x\r\n\r\nHello\r\nbegin 644 a.txt\r\n#86)C\r\n`\r\nend\r\n"
    mailbox.lab.mail(mailbox.address, raw)
    answer = attachment(mailbox, "uu1")
    assert answer.content == b"abc"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="a.txt"'


def test_where_the_server_counts_other_parts_the_mail_itself_is_read(mailbox: Mailbox) -> None:
    """Its boundary is not the one that it says: to the server, all is one part."""
    raw = with_file(mailbox.address, "Hello\n", "a.bin", b"xyz")
    mailbox.lab.mail(mailbox.address, re.sub(rb'boundary="=+', b'boundary="wrong', raw, count=1))
    (listed,) = mailbox.got("messages/1")["attachments"]
    assert attachment(mailbox, listed["id"]).content == b"xyz"


def test_what_is_beyond_64_mib_is_refused_before_it_is_fetched(
    start_lab: StartLab, proxy: ImapProxy, address: str
) -> None:
    mailbox = Mailbox(start_lab(settings={"IMAP_HOST": f"localhost:{proxy.port}"}), address)
    mailbox.lab.wait_for_account(address, claim="")
    mailbox.lab.mail(address, with_file(address, "Hello\n", "a.bin", bytes(50 * _MIB)))
    for path in ("messages/1/raw", "messages/1/attachments/2"):
        assert problem(mailbox.ask(path)) == (413, "content_too_large", ""), path
    assert not [one for one in proxy.commands if "BODY.PEEK[]" in one or "BODY.PEEK[2]" in one]


def test_an_attachment_of_35_mb_comes_whole_within_256_mb(
    start_lab: StartLab, address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    mailbox = Mailbox(start_lab(), address)
    mailbox.lab.wait_for_account(address, claim="")
    content = bytes(range(256)) * (35 * _MIB // 256)
    mailbox.lab.mail(address, with_file(address, "Hello\n", "a.bin", content))
    mailbox.got("messages/1")
    before = peak_mb(mailbox.lab.host.pid)
    assert attachment(mailbox).content == content
    peak = peak_mb(mailbox.lab.host.pid)
    with capsys.disabled():
        print(f"\n35 MiB attachment: the host's peak {peak:.0f} MB, {before:.0f} MB before it")
    assert 0 < peak < 256
