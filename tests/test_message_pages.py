"""Pages of a folder: bounded work, and nothing that is passed over unsaid."""

from collections.abc import Callable, Iterator

import pytest

from shared import imap, message_pages
from shared.imap import FolderStatus, Server, Session
from shared.message_pages import BOUNDS, Bounds, Page
from shared.searches import Search
from tests.conftest import StartScripted
from tests.lab.mails import made_up
from tests.lab.services import Services
from tests.lab.stepped_app import SteppedApp

_MAX_MAIL = 1_000_000


@pytest.fixture
def session(shared_app: SteppedApp, address: str) -> Iterator[Session]:
    account = shared_app.settled(address)
    parts = shared_app.parts
    token = parts.renewal.token(account, parts.now())
    with imap.session(parts.server, address, token.access_token, 60) as opened:
        yield opened


def read(
    session: Session, search: Search, below: int = 0, limit: int = 2, bounds: Bounds = BOUNDS
) -> Page:
    status = session.examine("INBOX")
    return message_pages.read(session, search, status, below, limit, _MAX_MAIL, bounds)


def uids(page: Page) -> list[int]:
    return [one.listed.uid for one in page.found]


def test_a_filter_goes_on_where_its_bound_was_reached(
    session: Session, services: Services, address: str
) -> None:
    for number in range(7):
        subject = "grün" if number in {0, 6} else "rot"
        services.dovecot.deliver(address, made_up(address, subject))
        session.status("INBOX")
    search, bounds = Search(texts={"subject": "ü"}), Bounds(mails=4)
    first = read(session, search, bounds=bounds)
    assert (uids(first), first.incomplete) == ([7], True)
    second = read(session, search, first.below, bounds=bounds)
    assert (uids(second), second.incomplete, second.below) == ([1], False, 0)


def test_a_search_of_contents_has_a_bound_of_its_own(
    session: Session, services: Services, address: str
) -> None:
    for subject in ("grün", *["rot"] * 4):
        services.dovecot.deliver(address, made_up(address, subject))
        session.status("INBOX")
    search, bounds = Search(texts={"text": "ü"}), Bounds(contents=3)
    first = read(session, search, limit=1, bounds=bounds)
    assert (uids(first), first.incomplete, first.below) == ([], True, 2)
    assert uids(read(session, search, first.below, bounds=bounds)) == [1]


def test_a_full_page_is_not_incomplete(session: Session, services: Services, address: str) -> None:
    for _ in range(3):
        services.dovecot.deliver(address, made_up(address, "grün"))
        session.status("INBOX")
    page = read(session, Search(texts={"subject": "grün"}))
    assert (uids(page), page.below, page.incomplete) == ([3, 2], 2, False)
    assert read(session, Search(), below=1) == Page([], 0, incomplete=False)


def test_an_empty_folder_is_not_searched(session: Session) -> None:
    assert read(session, Search()) == Page([], 0, incomplete=False)


def test_f22_of_50_000_hits_a_page_is_fetched_at_a_time_and_no_more_than_the_bound(
    script: StartScripted, trusted: Callable[[int], Server]
) -> None:
    """Each that is fetched was expunged meanwhile, so that no page gets full."""
    hits = " ".join(map(str, range(1, 50_001)))
    server = script(SEARCH=f"* SEARCH {hits}\r\n%T OK done\r\n".encode())
    status = FolderStatus(7, 50_001, 50_000)
    with imap.session(trusted(server.port), "ada@outlook.example", "EwB4", 30) as session:
        session.examine("INBOX")
        page = message_pages.read(session, Search(unseen=True), status, 0, 49, _MAX_MAIL)
    fetched = [line.split(" ")[2].split(",") for line in server.commands("FETCH")]
    assert {len(one) for one in fetched} == {50}
    assert sum(map(len, fetched)) == BOUNDS.mails
    assert (page.below, page.incomplete) == (50_001 - BOUNDS.mails, True)
    assert len(server.commands("SEARCH")) == 1


def test_f22_a_sparse_folder_is_searched_in_bounded_ranges(
    script: StartScripted, trusted: Callable[[int], Server]
) -> None:
    server = script()
    status = FolderStatus(7, 4_000_000_000, 100_000)
    with imap.session(trusted(server.port), "ada@outlook.example", "EwB4", 30) as session:
        page = message_pages.read(session, Search(unseen=True), status, 0, 10, _MAX_MAIL)
    searches = server.commands("SEARCH")
    assert len(searches) == BOUNDS.ranges
    assert searches[0].endswith(":3999999999 UNSEEN")
    assert searches[-1].split(" ")[3].startswith(f"{page.below}:")
    assert page.incomplete and not page.found


def test_f20_without_uidnext_a_folder_is_searched_to_its_end(
    script: StartScripted, trusted: Callable[[int], Server]
) -> None:
    server = script()
    with imap.session(trusted(server.port), "ada@outlook.example", "EwB4", 30) as session:
        message_pages.read(session, Search(), FolderStatus(7, 0, 5), 0, 10, _MAX_MAIL)
    assert server.commands("SEARCH") == ["UID SEARCH UID 1:* ALL"]
