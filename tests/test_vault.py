"""Encryption at rest: what opens, and what fails closed with a clear error."""

import pytest

from shared import vault
from shared.errors import OperatorFault
from shared.vault import Vault

_OLD, _NEW = ("old", b"o" * 32), ("new", b"n" * 32)
_PLACE = ("tokens", "acc_a", "cache")
_CANARY = b"the refresh token"


@pytest.fixture
def kept() -> Vault:
    return Vault((_NEW, _OLD))


def code_of(opener: Vault, sealed: bytes, *place: str) -> str:
    with pytest.raises(OperatorFault) as caught:
        opener.open(sealed, *(place or _PLACE))
    assert caught.value.detail.isprintable()
    return caught.value.code


def test_what_was_sealed_opens_in_its_place(kept: Vault) -> None:
    assert kept.open(kept.seal(_CANARY, *_PLACE), *_PLACE) == _CANARY


def test_t11_the_plain_text_is_nowhere_in_what_is_stored(kept: Vault) -> None:
    assert _CANARY not in kept.seal(_CANARY, *_PLACE)


def test_the_same_value_is_sealed_differently_each_time(kept: Vault) -> None:
    assert kept.seal(_CANARY, *_PLACE) != kept.seal(_CANARY, *_PLACE)


@pytest.mark.parametrize(
    "place",
    [
        ("once", "acc_a", "cache"),
        ("tokens", "acc_b", "cache"),
        ("tokens", "acc_a", "flow"),
        ("tokens", "acc_a"),
        ("tokens", "acc_acache"),
    ],
)
def test_t11_a_value_that_was_moved_does_not_open(kept: Vault, place: tuple[str, ...]) -> None:
    assert code_of(kept, kept.seal(_CANARY, *_PLACE), *place) == "sealed_data_damaged"


def test_t11_every_flipped_bit_fails_closed(kept: Vault) -> None:
    sealed = kept.seal(b"x", *_PLACE)
    for place in range(len(sealed) * 8):
        flipped = bytearray(sealed)
        flipped[place // 8] ^= 1 << place % 8
        assert code_of(kept, bytes(flipped)) in {"sealed_data_damaged", "unknown_encryption_key"}


def test_t11_a_value_that_was_cut_fails_closed(kept: Vault) -> None:
    sealed = kept.seal(b"x", *_PLACE)
    for length in range(len(sealed)):
        assert code_of(kept, sealed[:length]) in {"sealed_data_damaged", "unknown_encryption_key"}


def test_t12_the_newest_key_seals_and_every_known_key_opens(kept: Vault) -> None:
    before = Vault((_OLD,)).seal(_CANARY, *_PLACE)
    assert kept.open(before, *_PLACE) == _CANARY
    assert vault.key_id(kept.seal(_CANARY, *_PLACE)) == "new"


def test_t12_an_unknown_key_id_is_named(kept: Vault) -> None:
    with pytest.raises(OperatorFault) as caught:
        Vault((_OLD,)).open(kept.seal(_CANARY, *_PLACE), *_PLACE)
    assert (caught.value.code, caught.value.detail) == ("unknown_encryption_key", "new")


def test_t11_another_key_under_the_same_id_does_not_open_it(kept: Vault) -> None:
    other = Vault((("new", b"x" * 32),))
    assert code_of(other, kept.seal(_CANARY, *_PLACE)) == "sealed_data_damaged"


def test_a_hash_is_bound_to_key_and_place(kept: Vault) -> None:
    found = kept.keyed_hash("value", "mailboxes", "acc_a")
    assert found.startswith("new:")
    assert found == kept.keyed_hash("value", "mailboxes", "acc_a")
    assert found != kept.keyed_hash("value", "mailboxes", "acc_b")
    assert found != Vault((("new", b"x" * 32),)).keyed_hash("value", "mailboxes", "acc_a")


def test_t12_a_hash_of_the_old_key_is_still_recognised(kept: Vault) -> None:
    before = Vault((_OLD,)).keyed_hash("value", "mailboxes", "acc_a")
    assert before in kept.keyed_hashes("value", "mailboxes", "acc_a")


def test_f24_a_hash_takes_a_lone_surrogate(kept: Vault) -> None:
    assert kept.keyed_hash("\ud800", "mailboxes", "acc_a")
