"""Ids: derived, so that a retry makes the same one, and never from an address."""

import re

import pytest

from shared import ids

_TID = "9188040d-6c67-4c5b-b112-36a304b66dad"
_OID = "00000000-0000-0000-66f3-3332eca7ea81"
_ACCOUNT = ids.account_id(_TID, _OID, "")


def test_an_account_id_has_its_form() -> None:
    assert ids.ACCOUNT_ID.match(_ACCOUNT)
    assert not ids.ACCOUNT_ID.match(_ACCOUNT + "\n")


def test_f42_the_case_of_an_identity_makes_no_other_account() -> None:
    assert ids.account_id(_TID.upper(), _OID.upper(), "") == _ACCOUNT
    shared = ids.account_id(_TID, _OID, "", mailbox="Straße@contoso.example")
    assert ids.account_id(_TID, _OID, "", mailbox="STRASSE@Contoso.example") == shared


def test_f42_the_spelling_of_a_unicode_address_makes_no_other_account() -> None:
    spellings = ("Zoë@contoso.example", "ZOË@contoso.example", "Zoe\u0308@contoso.example")
    assert len({ids.account_id(_TID, _OID, "", mailbox=one) for one in spellings}) == 1


@pytest.mark.parametrize(
    ("tid", "oid", "reference", "mailbox"),
    [
        ("another", _OID, "", ""),
        (_TID, "another", "", ""),
        (_TID, _OID, "customer", ""),
        (_TID, _OID, "", "shared@contoso.example"),
        (_TID[:-1], _TID[-1] + _OID, "", ""),
    ],
)
def test_t3_another_identity_or_reference_is_another_account(
    tid: str, oid: str, reference: str, mailbox: str
) -> None:
    assert ids.account_id(tid, oid, reference, mailbox=mailbox) != _ACCOUNT


def test_the_ids_stay_the_same_in_every_release() -> None:
    """A change here would make every known mail and account a new one."""
    assert _ACCOUNT == "acc_ipq7obl3gplcn7x7ggp3kaluyx"
    assert (
        ids.mail_webhook_id(_ACCOUNT, "INBOX", 7, 42, "mail.received")
        == "msg_ipq7obl3gplcn7x7ggp3kaluyx_u57cspf7orenyx54tcls"
    )
    assert (
        ids.event_webhook_id(_ACCOUNT, "account.blocked", 3)
        == "msg_ipq7obl3gplcn7x7ggp3kaluyx_iiss6zzm5eog2otzoted"
    )
    assert ids.shard_of(_ACCOUNT, 16) == "10"
    assert ids.cursor_key("Posteingang/Müller") == "cursor:45d0077da07e79f3"


def test_i2_the_same_mail_has_the_same_webhook_id() -> None:
    first = ids.mail_webhook_id(_ACCOUNT, "INBOX", 7, 42, "mail.received")
    assert ids.mail_webhook_id(_ACCOUNT, "INBOX", 7, 42, "mail.received") == first
    assert re.fullmatch(r"msg_[a-z2-7]{26}_[a-z2-7]{20}", first)


@pytest.mark.parametrize(
    ("folder", "uidvalidity", "uid", "kind"),
    [
        ("Archive", 7, 42, "mail.received"),
        ("INBOX", 8, 42, "mail.received"),
        ("INBOX", 7, 43, "mail.received"),
        ("INBOX", 74, 2, "mail.received"),
        ("INBOX", 7, 42, "mail.unreadable"),
    ],
)
def test_another_mail_has_another_webhook_id(
    folder: str, uidvalidity: int, uid: int, kind: str
) -> None:
    first = ids.mail_webhook_id(_ACCOUNT, "INBOX", 7, 42, "mail.received")
    assert ids.mail_webhook_id(_ACCOUNT, folder, uidvalidity, uid, kind) != first


def test_a_webhook_id_says_which_account_has_its_row() -> None:
    assert ids.event_webhook_id(_ACCOUNT, "account.blocked", 1).split("_")[1] == _ACCOUNT[4:]
    assert ids.event_webhook_id("system", "account.disconnected", 1).startswith("msg_system_")


def test_accounts_spread_over_all_shards() -> None:
    found = {ids.shard_of(f"acc_{number}", 16) for number in range(500)}
    assert found == {f"{number:02d}" for number in range(16)}


def test_accounts_spread_over_the_hour() -> None:
    places = [ids.spread_seconds(f"acc_{number}", 3600) for number in range(600)]
    assert len({place // 60 for place in places}) > 50
    assert max(places) < 3600


@pytest.mark.parametrize("folder", ["A/B\\C", "#?%", "Entwürfe", "a\tb", "x" * 2000])
def test_a_cursors_key_holds_nothing_that_a_key_must_not(folder: str) -> None:
    assert re.fullmatch(r"cursor:[0-9a-f]{16}", ids.cursor_key(folder))


def test_keys_of_owed_rows_sort_as_their_numbers() -> None:
    keys = [ids.owed_key(number) for number in (1, 9, 10, 99, 100, 10**11)]
    assert keys == sorted(keys)
