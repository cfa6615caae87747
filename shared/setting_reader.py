"""Reads settings one by one and collects what is wrong with them instead of stopping at the first.

What a parser raises as ValueError is a sentence that follows the setting's name and quotes nothing.
"""

import re
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

_PLACEHOLDER = re.compile(r"<[^<>]*>|(?i:change[-_ ]?me)")
# What Azure leaves in the setting where it can't read the secret.
# https://learn.microsoft.com/azure/app-service/app-service-key-vault-references
_UNRESOLVED = re.compile(r"@Microsoft\.KeyVault\(", re.IGNORECASE)


class Reader:
    """The environment, and in `problems` what is wrong in it: (name, sentence)."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = environment
        self.problems: list[tuple[str, str]] = []
        self._has_identity = len(self.given("IDENTITY_ENDPOINT", "IDENTITY_HEADER")) == 2

    def take[T](self, name: str, parse: Callable[[str], T], default: str | None = None) -> T:
        """The parsed value; after a problem its type does not matter, since nobody gets it."""
        value = self.environment.get(name, "").strip() or default
        try:
            if value is None:
                raise ValueError("is not set")
            if _UNRESOLVED.match(value):
                raise ValueError(
                    "is a Key Vault reference that Azure could not resolve: check that the app's "
                    "identity has the role Key Vault Secrets User on the vault, that "
                    "keyVaultReferenceIdentity names that identity, and the secret's name"
                )
            if _PLACEHOLDER.search(value):
                raise ValueError("still holds the placeholder of the example file")
            return parse(value)
        except ValueError as error:
            self.problems.append((name, str(error)))
            return "", 0  # type: ignore[return-value]

    def number(self, name: str, default: int, least: int, most: int) -> int:
        def parse(value: str) -> int:
            # isdecimal alone would let other scripts' digits and a 5,000-digit number in.
            if not re.fullmatch(r"[0-9]{1,9}", value) or not least <= int(value) <= most:
                raise ValueError(f"must be a whole number from {least} to {most}")
            return int(value)

        return self.take(name, parse, str(default))

    def choice(self, name: str, default: str, *others: str) -> str:
        known = (default, *others)

        def parse(value: str) -> str:
            if value not in known:
                raise ValueError(f"must be {' or '.join(known)}")
            return value

        return self.take(name, parse, default)

    def flag(self, name: str, *, default: bool = False) -> bool:
        def parse(value: str) -> bool:
            if value.lower() not in {"true", "false"}:
                raise ValueError("must be true or false")
            return value.lower() == "true"

        return self.take(name, parse, str(default)) is True

    def given(self, *names: str) -> list[str]:
        return [name for name in names if self.environment.get(name, "").strip()]

    def need_managed_identity(self, name: str) -> None:
        """The setting says that one is used: the platform has to have one for this process."""
        if not self._has_identity:
            why = "needs a managed identity, and this process has none (IDENTITY_ENDPOINT)"
            self.problems.append((name, why))


def text(value: str) -> str:
    """The value, which is one line."""
    if not value.isprintable():
        raise ValueError("holds a control character")
    return value


def url(value: str, schemes: set[str]) -> str:
    """The value, which is a URL that a browser and a server understand alike."""
    # urlsplit forgives spaces and control characters, a browser or a server does not.
    if not value.isascii() or not value.isprintable() or " " in value or "\\" in value:
        raise ValueError("is not a valid URL")
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:  # its text quotes the value
        raise ValueError("is not a valid URL") from None
    if parts.scheme not in schemes or not parts.hostname:
        raise ValueError(f"must be a URL that begins with {' or '.join(sorted(schemes))}://")
    if parts.username is not None or parts.password is not None:
        raise ValueError("must not hold a user name or password")
    if port == 0:
        raise ValueError("has an impossible port")
    return value
