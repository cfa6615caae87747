"""imapclient with one SSL context, STATUS instead of SELECT, and mail fetched by the hundred."""

import itertools
import ssl
from collections.abc import Iterator

from imapclient import IMAPClient

from benchmarks.clients.job import HOST, Job, Mailbox
from benchmarks.clients.read_mail import read_all
from benchmarks.clients.run import with_threads

_CONTEXT = ssl.create_default_context()
_AT_A_TIME = 100


def _opened(job: Job, mailbox: Mailbox) -> IMAPClient:
    client = IMAPClient(HOST, job.port, ssl_context=_CONTEXT)
    client.oauth2_login(mailbox.address, mailbox.token)
    return client


def check(job: Job, mailbox: Mailbox) -> None:
    client = _opened(job, mailbox)
    client.folder_status("INBOX", ["MESSAGES", "UIDNEXT", "UIDVALIDITY"])
    client.logout()


def read(job: Job, mailbox: Mailbox) -> tuple[int, int]:
    client = _opened(job, mailbox)
    client.select_folder("INBOX", readonly=True)
    counts = read_all(_fetched(client, client.search(["UNSEEN"])))
    client.logout()
    return counts


def _fetched(client: IMAPClient, uids: list[int]) -> Iterator[bytes]:
    for some in itertools.batched(uids, _AT_A_TIME, strict=False):
        for item in client.fetch(some, ["BODY.PEEK[]"]).values():
            yield item[b"BODY[]"]


if __name__ == "__main__":
    with_threads(check, read)
