"""Whoever looks while accounts move finds each of them, once."""

from tests.conftest import StartApp
from tests.lab.services import Services
from tests.moving import Moving


def test_it_is_found_and_listed_once_at_every_request(moving: Moving) -> None:
    stays = moving.account()
    account = moving.account(dead=1, owed=1, owed_since="2026-01-31T12:00:00Z")
    both = sorted([stays.id, account.id])
    moving.begin()
    seen = []

    def look() -> None:
        found = moving.ours.accounts.get(account.id)
        assert found
        assert moving.ours.tokens.get(found.shard, account.id, "g1")
        pages = [moving.ours.directory.page("1")]
        while pages[-1]["cursor"]:
            pages.append(moving.ours.directory.page("1", pages[-1]["cursor"]))
        assert [one["id"] for page in pages for one in page["accounts"]] == both
        assert moving.ours.accounts.with_dead() == [account.id]
        assert [row["owed"] for row in moving.ours.accounts.owing()] == [1]
        seen.append(found.shard)

    def watched(at: str, what: str) -> None:
        try:
            look()
        except Exception as error:  # in the proxy's thread
            moving.failed.append(error)

    moving.proxy.watch(watched)
    moving.run(moving.mover)
    moving.proxy.watch(None)
    assert len(seen) > 12 and len(set(seen)) == 2
    assert moving.is_settled(account.id)


def test_it_is_found_however_the_move_falls_between_the_reads(moving: Moving) -> None:
    """Here it is who looks that is behind the proxy, and the move is made at each of its reads."""
    for number in range(1, 4):
        account = moving.account()
        moving.begin()
        moving.meet(moving.run, number, reads=True)
        assert moving.mover.accounts.get(account.id)
        moving.proxy.watch(None)
        account = moving.account()
        moving.begin()
        moving.meet(moving.run, number, reads=True)
        assert moving.mover.tokens.get("", account.id, "g1")
        moving.proxy.watch(None)


def test_a_listing_misses_nobody_however_the_move_falls_between_its_reads(
    start_app: StartApp, services: Services
) -> None:
    moving = Moving(start_app, services, 4, 6)
    for number in range(1, 11):
        moving.account()
        listed = moving.app.parts.accounts.after("", 100)
        moving.begin()
        moving.meet(moving.run, number, reads=True)
        assert {one.id for one in moving.mover.accounts.after("", 100)} >= {
            one.id for one in listed
        }
        moving.proxy.watch(None)
    moving.close()
