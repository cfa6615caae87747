"""Runs the receiver as a process of its own."""

import argparse

from aiohttp import web

from .server import Receiver


def main() -> None:
    """Serves until SIGTERM or Ctrl-C; prints `ready URL` once it does."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.lab.receiver",
        description="Take webhooks at /hook, verify each, list them at /received.",
    )
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--secret", required=True, help="whsec_… as in WEBHOOK_SECRET")
    chosen = parser.parse_args()
    web.run_app(
        Receiver(chosen.secret).app(),
        host="127.0.0.1",
        port=chosen.port,
        access_log=None,
        shutdown_timeout=0.2,
        print=lambda *_: print(f"ready http://localhost:{chosen.port}", flush=True),
    )


if __name__ == "__main__":
    main()
