"""Shows what the app makes of saved mails: `make parse FILE=…`, for support cases."""

import argparse
import json
import sys
from pathlib import Path

from shared import mail

_BODY_LIMIT = 64 * 1024


def event_json(raw: bytes, body_limit: int = _BODY_LIMIT) -> str:
    """The part of `mail.received` that comes from the mail, as indented JSON."""
    event = mail.to_event(mail.parse(raw), body_limit=body_limit)
    return json.dumps(event, ensure_ascii=False, indent=2)


def main(arguments: list[str] | None = None) -> int:
    """Print each file's JSON; 1 where a file could not be read."""
    options = _options(arguments)
    unread = 0
    for name in options.files:
        try:
            raw = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
        except OSError as error:
            unread += 1
            sys.stderr.write(f"{name}: {error.strerror}\n")
            continue
        sys.stdout.buffer.write(event_json(raw, options.body_limit).encode("utf-8") + b"\n")
        sys.stdout.buffer.flush()
    return 1 if unread else 0


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m shared.read_mail",
        description="Prints what a saved mail (.eml) becomes in a mail.received event, as JSON.",
    )
    parser.add_argument(
        "files", nargs="+", metavar="FILE", help="a saved mail; - is standard input"
    )
    parser.add_argument(
        "--body-limit",
        type=int,
        default=_BODY_LIMIT,
        metavar="BYTES",
        help="cut text and html here, as EVENT_BODY_LIMIT does (default: %(default)s)",
    )
    options = parser.parse_args(arguments)
    if options.body_limit < 0:
        parser.error("--body-limit: must not be negative")
    return options


if __name__ == "__main__":
    sys.exit(main())
