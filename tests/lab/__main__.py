"""The lab's command line: start it, and do things to a lab that runs."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from . import remote, standing
from .errors import LabError
from .services import Ports

_FOLDER = Path(os.environ.get("LAB_FOLDER") or ".lab")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one verb; a LabError is one sentence on stderr and exit code 1."""
    chosen = _parser().parse_args(arguments)
    run: Callable[[argparse.Namespace], None] = chosen.run
    try:
        run(chosen)
    except LabError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.lab", description=__doc__)
    parser.add_argument(
        "--folder",
        type=Path,
        default=_FOLDER,
        help="where the lab keeps lab.json and its logs (default: LAB_FOLDER of the environment, "
        "or .lab); one folder, one lab",
    )
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    _add_up(verbs)
    _add_mail(verbs)
    _add_connect(verbs)
    environment = _add(
        verbs,
        "environment",
        lambda c: remote.open_lab(c.folder).environment(c.port),
        "print, for a shell, UNSEEN_URL and UNSEEN_KEY, or all that an example wants",
    )
    environment.add_argument(
        "port", type=int, nargs="?", help="of the example, which gets an endpoint there"
    )
    _add(verbs, "timer", lambda c: remote.open_lab(c.folder).timer(), "fire the timer now")
    host = _add(
        verbs, "host", lambda c: remote.open_lab(c.folder).host(c.action), "the Functions host"
    )
    host.add_argument("action", choices=["kill", "start", "restart"], help="kill is SIGKILL")
    _add(verbs, "dump", lambda c: remote.open_lab(c.folder).dump(), "print all rows as JSON")
    _add(
        verbs,
        "received",
        lambda c: remote.open_lab(c.folder).received(),
        "print all webhooks as JSON",
    )
    return parser


def _add_up(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    up = _add(verbs, "up", _up, "start everything and stay until Ctrl-C")
    for name in ("host", "microsoft", "imap", "receiver"):
        up.add_argument(f"--{name}-port", type=int, default=0, help="default: a free one")
    up.add_argument(
        "--beat",
        type=float,
        default=5,
        metavar="SECONDS",
        help="how often the timer fires, besides its schedule (default: 5)",
    )


def _add_mail(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    mail = _add(
        verbs,
        "mail",
        lambda c: remote.open_lab(c.folder).mail(c.address, c.files, c.count),
        "put mail into a mailbox",
    )
    mail.add_argument("address")
    mail.add_argument("files", nargs="*", metavar="FILE", help=".eml files; - for stdin")
    mail.add_argument("--count", type=int, default=0, metavar="N", help="N made-up mails")


def _add_connect(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    connect = _add(
        verbs,
        "connect",
        lambda c: remote.open_lab(c.folder).connect(c.address, c.kind),
        "walk the login as a browser would",
    )
    connect.add_argument("address")
    connect.add_argument("--kind", choices=["personal", "work"], default="personal")


def _add(
    verbs: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    run: Callable[[argparse.Namespace], None],
    about: str,
) -> argparse.ArgumentParser:
    parser = verbs.add_parser(name, help=about, description=about)
    parser.set_defaults(run=run)
    return parser


def _up(chosen: argparse.Namespace) -> None:
    ports = Ports(None, chosen.microsoft_port, chosen.imap_port, chosen.receiver_port)
    standing.stand(chosen.folder, ports, chosen.host_port, chosen.beat)


if __name__ == "__main__":
    sys.exit(main())
