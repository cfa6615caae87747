"""The article's way: a new SSL context for each connection, SELECT, SEARCH UNSEEN, one by one."""

from imapclient import IMAPClient

from benchmarks.clients.job import HOST, Job, Mailbox
from benchmarks.clients.read_mail import read_all
from benchmarks.clients.run import with_threads


def _opened(job: Job, mailbox: Mailbox) -> IMAPClient:
    client = IMAPClient(HOST, job.port)  # makes a context
    client.oauth2_login(mailbox.address, mailbox.token)
    client.select_folder("INBOX")
    return client


def check(job: Job, mailbox: Mailbox) -> None:
    client = _opened(job, mailbox)
    client.search(["UNSEEN"])
    client.logout()


def read(job: Job, mailbox: Mailbox) -> tuple[int, int]:
    """PEEK, where the article marks as seen: the next client wants to find the mail too."""
    client = _opened(job, mailbox)
    uids = client.search(["UNSEEN"])
    counts = read_all(client.fetch([uid], ["BODY.PEEK[]"])[uid][b"BODY[]"] for uid in uids)
    client.logout()
    return counts


if __name__ == "__main__":
    with_threads(check, read)
