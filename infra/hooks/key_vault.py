"""The secrets in the vault: what is there is never written over, but by what follows it."""

import time
from collections.abc import Callable
from typing import Any

from .commands import az, private_file
from .errors import HookError, NotFound, NotYet

_PATIENCE_SECONDS = 600  # a role takes "up to ten minutes" to hold
_PAUSE_SECONDS = 10


class KeyVault:
    """pause: how one waits, for the tests."""

    def __init__(self, name: str, pause: Callable[[float], None] = time.sleep) -> None:
        self._name = name
        self._pause = pause

    def wait(self) -> None:
        """Until this account's role holds."""
        for tried in range(_PATIENCE_SECONDS // _PAUSE_SECONDS):
            try:
                self._secret("list")
                return
            except NotYet as refused:
                error = refused
            if not tried:
                print("Waiting for the vault to let us in; a new role may take minutes ...")
            self._pause(_PAUSE_SECONDS)
        raise HookError(
            f"{error} It was given by azd provision to SECRETS_OFFICER_ID: is az signed in as "
            "whoever that is? az ad signed-in-user show"
        )

    def tags(self, secret: str) -> dict[str, str] | None:
        """Those of its newest version; None where there is no such secret."""
        found = [each for each in self._secret("list") if _last(each["id"]) == secret]
        return (found[0].get("tags") or {}) if found else None

    def key_ids(self, secret: str) -> set[str]:
        """Of all its versions."""
        try:
            versions = self._secret("list-versions", "--name", secret)
        except NotFound:
            return set()
        return {(each.get("tags") or {}).get("key_id", "") for each in versions} - {""}

    def put(self, secret: str, value: str, **tags: str) -> None:
        given = ["--tags", *(f"{name}={text}" for name, text in tags.items())] if tags else []
        with private_file(value) as file:
            # Without a query az would answer the value.
            self._secret(
                *("set", "--name", secret, "--file", file, "--encoding", "utf-8"),
                *given,
                *("--query", "id"),
            )

    def add(self, secret: str, value: Callable[[], str]) -> bool:
        """Puts it where there is none; whether it did."""
        if self.tags(secret) is not None:
            return False
        self.put(secret, value())
        return True

    def _secret(self, verb: str, *arguments: str) -> Any:
        return az("keyvault", "secret", verb, "--vault-name", self._name, *arguments)


def is_deleted(name: str) -> bool:
    """Whether a vault of that name was removed, and is kept for its 90 days."""
    try:
        return az("keyvault", "show-deleted", "--name", name) is not None
    except NotFound:
        return False


def _last(secret_id: str) -> str:
    return secret_id.rstrip("/").rpartition("/")[2]
