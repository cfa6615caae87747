"""Runs NotMicrosoft as a process of its own."""

import argparse
import asyncio
import logging
import signal
import threading
from pathlib import Path

from .server import NotMicrosoft


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.lab.not_microsoft",
        description="A stand-in for Microsoft's identity platform, over https on localhost.",
    )
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--cert", type=Path, required=True, help="certificate chain, PEM")
    parser.add_argument("--key", type=Path, required=True, help="private key, PEM")
    parser.add_argument("--client-id", required=True)
    parser.add_argument("--client-secret", required=True)
    parser.add_argument("--redirect-uri", action="append", required=True, dest="redirect_uris")
    parser.add_argument("--app-users", type=Path, help="folder for what Dovecot has to know")
    return parser.parse_args()


async def _serve(server: NotMicrosoft) -> None:
    ready, ending = threading.Event(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ending.set)
    serving = asyncio.create_task(server.run(ready, ending))
    while not ready.is_set() and not serving.done():
        await asyncio.sleep(0.01)
    if not serving.done():
        print(f"ready {server.url}", flush=True)
    await serving


def main() -> None:
    """Serves until SIGTERM or Ctrl-C; prints `ready URL` once it does."""
    chosen = _arguments()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    server = NotMicrosoft(
        chosen.port,
        chosen.cert,
        chosen.key,
        chosen.client_id,
        chosen.client_secret,
        chosen.redirect_uris,
        chosen.app_users,
    )
    asyncio.run(_serve(server))


if __name__ == "__main__":
    main()
