"""A webhook receiver. Try it: pip install standardwebhooks, then

WEBHOOK_SECRET=whsec_… python receiver.py 9000
"""

import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError

webhook = Webhook(os.environ["WEBHOOK_SECRET"])
seen: set[str] = set()  # keep them in your database: the same event always has the same id
one_at_a_time = Lock()


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.send_response(self.receive())
        self.send_header("Content-Length", "0")
        self.end_headers()

    def receive(self) -> int:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        try:
            # The bytes as they came: nothing has parsed them yet.
            event = webhook.verify(body, dict(self.headers))
        except (WebhookVerificationError, ValueError):  # ValueError: no base64, no UTF-8
            return 401
        with one_at_a_time:
            if self.headers["webhook-id"] not in seen:
                handle(event)
                seen.add(self.headers["webhook-id"])
        return 204  # only now: what is not answered with a 2xx comes again

    def log_message(self, *_: Any) -> None:
        """Says nothing of requests: their path may be secret."""


def handle(event: dict[str, Any]) -> None:
    """Your part. Put what takes long into a queue of your own."""
    print(event["type"], event["data"].get("subject", ""), flush=True)


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver).serve_forever()
