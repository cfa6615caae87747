"""aioimaplib with one SSL context, on one event loop."""

import itertools
import ssl
from collections.abc import AsyncIterator

from aioimaplib import IMAP4_SSL, Response

from benchmarks.clients.job import HOST, Job, Mailbox
from benchmarks.clients.read_mail import read_all
from benchmarks.clients.run import with_tasks

_CONTEXT = ssl.create_default_context()
_SECONDS = 30
_AT_A_TIME = 100


async def _opened(job: Job, mailbox: Mailbox) -> IMAP4_SSL:
    client = IMAP4_SSL(HOST, job.port, timeout=_SECONDS, ssl_context=_CONTEXT)
    await client.wait_hello_from_server()
    _ok(await client.xoauth2(mailbox.address, mailbox.token))
    return client


async def check(job: Job, mailbox: Mailbox) -> None:
    client = await _opened(job, mailbox)
    _ok(await client.status("INBOX", "(MESSAGES UIDNEXT UIDVALIDITY)"))
    await client.logout()


async def read(job: Job, mailbox: Mailbox) -> tuple[int, int]:
    client = await _opened(job, mailbox)
    _ok(await client.select("INBOX"))  # its EXAMINE does not let it search
    found = _ok(await client.uid_search("UNSEEN", charset=None))
    done = failed = 0
    async for raws in _fetched(client, found.lines[0].split()):
        some = read_all(raws)
        done, failed = done + some[0], failed + some[1]
    await client.logout()
    return done, failed


async def _fetched(client: IMAP4_SSL, uids: list[bytes]) -> AsyncIterator[list[bytes]]:
    for some in itertools.batched(uids, _AT_A_TIME, strict=False):
        answer = _ok(await client.uid("fetch", b",".join(some).decode(), "(BODY.PEEK[])"))
        # A literal comes as a line of its own, a bytearray.
        yield [bytes(line) for line in answer.lines if isinstance(line, bytearray)]


def _ok(answer: Response) -> Response:
    if answer.result != "OK":
        raise ConnectionError(answer.result)
    return answer


if __name__ == "__main__":
    with_tasks(check, read)
