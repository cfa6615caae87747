"""What both applications need of Unseen: its settings, its API, its webhooks. Copy it with them."""

import os
import sys
from dataclasses import dataclass
from typing import Any

import requests
from fastapi import HTTPException, Request
from standardwebhooks import Webhook, WebhookVerificationError

SETTINGS = ("UNSEEN_URL", "UNSEEN_KEY", "WEBHOOK_SECRET")
_SECONDS = 60  # an app that has rested takes a while to start


def settings(*names: str) -> list[str]:
    """The environment's values; where some are missing, the program ends and names all of them."""
    missing = [name for name in names if not os.environ.get(name)]
    if missing:
        sys.exit(f"Not set in the environment: {', '.join(missing)}. See examples/README.md.")
    return [os.environ[name] for name in names]


@dataclass(frozen=True)
class Event:
    """A webhook whose signature fits. id: the same, however often it comes."""

    id: str
    type: str
    timestamp: str
    data: dict[str, Any]


class Unseen:
    """An Unseen app: url and key as `SETTINGS` has them, webhook_secret that of your endpoint."""

    def __init__(self, url: str, key: str, webhook_secret: str) -> None:
        self.url = url.rstrip("/")
        self._headers = {"x-functions-key": key}
        try:
            self._webhook = Webhook(webhook_secret)
        except ValueError:
            sys.exit("WEBHOOK_SECRET is no webhook secret: it is whsec_ and base64.")

    def call(
        self, method: str, path: str, *, headers: dict[str, str] | None = None, **options: Any
    ) -> requests.Response:
        """Calls a route below `/api/`; raises requests.RequestException where nobody answers."""
        return requests.request(
            method,
            f"{self.url}/api/{path}",
            headers=self._headers | (headers or {}),
            timeout=_SECONDS,
            **options,
        )

    async def event(self, request: Request) -> Event:
        """The event that a webhook brings, for `Depends`; 401 where its signature does not fit."""
        body = await request.body()
        try:
            # The bytes as they came: nothing has parsed them yet.
            found = self._webhook.verify(body, dict(request.headers))
        except (WebhookVerificationError, ValueError):  # ValueError: no base64, no UTF-8
            raise HTTPException(401) from None
        webhook_id = request.headers["webhook-id"]
        return Event(webhook_id, found["type"], found["timestamp"], found["data"])
