"""The client secret: made at Microsoft, put into the vault, followed by another before it ends.

The vault's versions name the key ids of what they hold, so that a secret which was made and never
stored, because a run was killed in between, is known as an orphan and removed.
"""

from datetime import date
from typing import Any

from .commands import az
from .errors import HookError
from .key_vault import KeyVault

NAME = "client-secret"
DISPLAY_NAME = "unseen-azd"  # only what has this name is ever removed


class ClientSecret:
    def __init__(self, client_id: str, vault: KeyVault, today: date) -> None:
        self._client_id = client_id
        self._vault = vault
        self._today = today

    def is_good(self) -> bool:
        """Whether the vault holds one that Microsoft takes, as far as can be seen."""
        tags = self._vault.tags(NAME)
        if tags is None:
            return False
        key_id = tags.get("key_id")
        if not key_id:  # somebody put it there by hand, and knows
            return True
        found = [each for each in self._known() if each["keyId"] == key_id]
        return bool(found) and _ends_on(found[0]) > self._today

    def make(self, ends_on: date) -> None:
        """A new one beside those that are there; the app gets it with its next refresh."""
        if ends_on <= self._today:
            raise HookError(f"CLIENT_SECRET_EXPIRES_ON is over: {ends_on}. Choose a later day")
        self.tidy()
        before = {each["keyId"] for each in self._known()}
        made = az(
            *("ad", "app", "credential", "reset", "--id", self._client_id, "--append"),
            *("--display-name", DISPLAY_NAME, "--end-date", ends_on.isoformat()),
        )
        key_ids = [each["keyId"] for each in self._known() if each["keyId"] not in before]
        tags = {"expires_on": ends_on.isoformat()}
        if len(key_ids) == 1:
            tags["key_id"] = key_ids[0]
        self._vault.put(NAME, str(made["password"]), **tags)

    def tidy(self) -> int:
        """Removes ours that have ended or were never stored; how many."""
        stored = self._vault.key_ids(NAME)
        current = (self._vault.tags(NAME) or {"key_id": "none"}).get("key_id")
        gone = [
            each
            for each in self._ours()
            if _ends_on(each) <= self._today
            # A vault whose secret has no key id was filled by hand: any may be the one.
            or (current and each["keyId"] not in stored)
        ]
        return self._remove(gone)

    def retire(self) -> int:
        """Removes all of ours but the vault's newest; how many."""
        current = (self._vault.tags(NAME) or {}).get("key_id")
        ours = self._ours()
        if current not in {each["keyId"] for each in ours}:
            raise HookError(
                "the vault's client secret is none that the hooks made: none is removed"
            )
        return self._remove([each for each in ours if each["keyId"] != current])

    def _remove(self, credentials: list[dict[str, Any]]) -> int:
        command = ("ad", "app", "credential", "delete", "--id", self._client_id)
        for each in credentials:
            az(*command, "--key-id", each["keyId"])
        return len(credentials)

    def _ours(self) -> list[dict[str, Any]]:
        return [each for each in self._known() if each.get("displayName") == DISPLAY_NAME]

    def _known(self) -> list[dict[str, Any]]:
        return az("ad", "app", "credential", "list", "--id", self._client_id) or []


def _ends_on(credential: dict[str, Any]) -> date:
    return date.fromisoformat(credential["endDateTime"][:10])
