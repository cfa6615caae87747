"""imap_tools with one SSL context; its messages are parsed as they are asked."""

import ssl

from imap_tools import AND, MailBox, MailMessage

from benchmarks.clients.job import HOST, Job, Mailbox
from benchmarks.clients.run import with_threads

_CONTEXT = ssl.create_default_context()
_AT_A_TIME = 100


def _opened(job: Job, mailbox: Mailbox) -> MailBox:
    box = MailBox(HOST, job.port, ssl_context=_CONTEXT)
    return box.xoauth2(mailbox.address, mailbox.token, initial_folder=None)


def check(job: Job, mailbox: Mailbox) -> None:
    with _opened(job, mailbox) as box:
        box.folder.status("INBOX", ["MESSAGES", "UIDNEXT", "UIDVALIDITY"])


def read(job: Job, mailbox: Mailbox) -> tuple[int, int]:
    done = failed = 0
    with _opened(job, mailbox) as box:
        box.folder.set("INBOX", readonly=True)
        for message in box.fetch(AND(seen=False), mark_seen=False, bulk=_AT_A_TIME):
            done += 1
            try:
                _look_at(message)
            except Exception:
                failed += 1
    return done, failed


def _look_at(message: MailMessage) -> None:
    """What `read_mail` wants to know; each is parsed when it is asked for."""
    _ = message.from_values, message.to_values, message.cc_values, message.subject, message.date
    _ = message.text, message.html
    _ = [(one.filename, one.content_type, len(one.payload)) for one in message.attachments]


if __name__ == "__main__":
    with_threads(check, read)
