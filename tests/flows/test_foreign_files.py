"""A stranger's files in a real browser: nothing in them runs, and nobody else is asked."""

import contextlib

import pytest
from playwright.sync_api import Browser, Error

from tests.lab.mails import with_file
from tests.mailbox import Mailbox

_SCRIPT = (
    "<script>document.title = 'canary'; new Image().src = 'http://127.0.0.1:1/canary'</script>"
)
_HTML = f"<html><body><img src='http://127.0.0.1:1/pixel'>{_SCRIPT}</body></html>"
_SVG = f'<svg xmlns="http://www.w3.org/2000/svg">{_SCRIPT}</svg>'


@pytest.mark.parametrize(
    ("filename", "kind", "content"),
    [
        ("page.html", "text/html", _HTML),
        ("picture.svg", "image/svg+xml", _SVG),
        ("page.xhtml", "application/xhtml+xml", _HTML),
        ("no-page.png", "image/png", _HTML),
        ("no-page", "a/b", _HTML),
    ],
)
@pytest.mark.parametrize("inline", [False, True])
def test_t29_no_attachment_becomes_a_page(
    chromium: Browser, mailbox: Mailbox, filename: str, kind: str, content: str, inline: bool
) -> None:
    raw = with_file(mailbox.address, "Hello\n", filename, content.encode(), kind=kind)
    if inline:
        raw = raw.replace(b"Content-Disposition: attachment", b"Content-Disposition: inline")
    mailbox.lab.mail(mailbox.address, raw)
    titles, asked = visit(chromium, mailbox, "messages/1/attachments/2")
    assert titles == "" and asked <= {"localhost"}


def test_t29_a_raw_mail_and_its_html_stay_text(chromium: Browser, mailbox: Mailbox) -> None:
    raw = f"Subject: x\r\nContent-Type: text/html\r\n\r\n{_HTML}".encode()
    mailbox.lab.mail(mailbox.address, raw)
    for path in ("messages/1/raw", "messages/1"):
        titles, asked = visit(chromium, mailbox, path)
        assert titles == "" and asked <= {"localhost"}


def visit(chromium: Browser, mailbox: Mailbox, path: str) -> tuple[str, set[str | None]]:
    """Opens a route as a tab; gives the page's title and the hosts that were asked."""
    host = mailbox.lab.host
    context = chromium.new_context(extra_http_headers={"x-functions-key": host.function_key})
    asked: set[str | None] = set()
    context.on("request", lambda request: asked.add(request.url.split("/")[2].partition(":")[0]))
    page = context.new_page()
    with contextlib.suppress(Error):  # a download is no page
        page.goto(f"{host.base_url}/api/accounts/{mailbox.account_id}/{path}", wait_until="load")
    title = page.title()
    context.close()
    return title, asked
