"""Ours, its IMAP layer alone: the idle check, and a backlog fetched and parsed."""

import os

from benchmarks.clients.job import HOST, Job, Mailbox
from benchmarks.clients.run import with_threads
from shared import imap, mail_content

_SERVERS: dict[int, imap.Server] = {}
_SECONDS = 60
_BODY_LIMIT, _MAX_MAIL_BYTES = 64 * 1024, 25 * 1024 * 1024


def _server(job: Job) -> imap.Server:
    """One for the process, as the connector keeps it."""
    if job.port not in _SERVERS:
        trusted = os.environ["SSL_CERT_FILE"]
        _SERVERS[job.port] = imap.Server.trusting(HOST, job.port, trusted)
    return _SERVERS[job.port]


def check(job: Job, mailbox: Mailbox) -> None:
    with imap.session(_server(job), mailbox.address, mailbox.token, _SECONDS) as session:
        session.status("INBOX")


def read(job: Job, mailbox: Mailbox) -> tuple[int, int]:
    done = failed = 0
    with imap.session(_server(job), mailbox.address, mailbox.token, _SECONDS) as session:
        status = session.examine("INBOX")
        uids = session.unseen(1, status.uidnext - 1, status.exists)
        for group in mail_content.groups(session, uids, _MAX_MAIL_BYTES):
            found = mail_content.read(session, group, _BODY_LIMIT, _MAX_MAIL_BYTES)
            done += len(found)
            failed += sum(content is None for content in found.values())
    return done, failed


if __name__ == "__main__":
    with_threads(check, read)
