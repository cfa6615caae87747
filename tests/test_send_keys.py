"""Keys of mails that are sent: whose they are, and for how long."""

from datetime import timedelta

import pytest

from shared import instants
from shared.connector import Connector
from shared.errors import Stale
from shared.send_keys import LIFE, SENDING, SendKey, SendKeys
from tests.lab.stepped_app import SteppedApp

_NOW = instants.parse("2027-01-31T12:00:00Z")
_LATER = _NOW + LIFE


@pytest.fixture
def keys(parts: Connector) -> SendKeys:
    return parts.send_keys


def taken(keys: SendKeys, account_id: str, message_id: str = "1@x") -> SendKey:
    return keys.take(account_id, "key", "hash", message_id, _NOW)


def test_one_of_many_takes_a_key(keys: SendKeys, account_id: str) -> None:
    taken(keys, account_id)
    with pytest.raises(Stale):
        taken(keys, account_id, "2@x")
    found = keys.find(account_id, "key", _NOW)
    assert found and (found.state, found.request, found.message_id) == (SENDING, "hash", "1@x")


def test_an_outcome_is_found_again(keys: SendKeys, account_id: str) -> None:
    keys.done(taken(keys, account_id), {"server": "250"})
    found = keys.find(account_id, "key", _NOW)
    assert found and found.outcome == {"server": "250"}


def test_a_key_that_was_released_is_free(keys: SendKeys, account_id: str) -> None:
    keys.release(taken(keys, account_id))
    assert keys.find(account_id, "key", _NOW) is None
    assert taken(keys, account_id)


def test_who_was_too_late_changes_nothing(keys: SendKeys, account_id: str) -> None:
    first = taken(keys, account_id)
    keys.done(first, {"server": "250"})
    keys.done(first, {"server": ""})
    keys.release(first)
    found = keys.find(account_id, "key", _NOW)
    assert found and found.outcome == {"server": "250"}


def test_after_a_day_a_key_is_free_whether_it_was_purged_or_not(
    app: SteppedApp, account_id: str
) -> None:
    keys = app.parts.send_keys
    taken(keys, account_id)
    assert keys.find(account_id, "key", _LATER - timedelta(seconds=1))
    assert keys.find(account_id, "key", _LATER) is None
    assert keys.take(account_id, "key", "hash", "2@x", _LATER)
    assert app.parts.once.purge(_LATER + LIFE + timedelta(seconds=1)) == 1
    assert not app.rows("once")


def test_what_is_kept_is_sealed(app: SteppedApp, account_id: str) -> None:
    app.parts.send_keys.take(account_id, "canary-key", "hash", "canary@x.example", _NOW)
    assert "canary" not in str(app.rows("once"))
