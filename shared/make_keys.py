"""Makes the two secrets that the settings need: `make keys`."""

import argparse
import base64
import secrets
from datetime import UTC, datetime


def encryption_key() -> str:
    """A new key for ENCRYPTION_KEYS, its id the date: `kid:base64 of 32 bytes`."""
    key = base64.b64encode(secrets.token_bytes(32)).decode()
    return f"k{datetime.now(UTC):%Y%m%d}:{key}"


def webhook_secret() -> str:
    """A new WEBHOOK_SECRET in the form of Standard Webhooks: `whsec_` and base64 of 32 bytes."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def main() -> None:
    argparse.ArgumentParser(
        prog="make keys",
        description="Prints new values for ENCRYPTION_KEYS and WEBHOOK_SECRET. Keep an old "
        "encryption key behind the new one, separated by a comma, until nothing needs it.",
    ).parse_args()
    print(f"ENCRYPTION_KEYS={encryption_key()}")  # noqa: T201 - a command's output
    print(f"WEBHOOK_SECRET={webhook_secret()}")  # noqa: T201 - a command's output


if __name__ == "__main__":
    main()
