"""What tests and the demo ask of the receiver."""

from typing import Any

import requests

from ..waiting import wait_until

type Webhook = dict[str, Any]


class ReceiverClient:
    """A running receiver, by its address."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._session = requests.Session()
        self._session.trust_env = False
        self.hook_url = f"{url}/hook"
        self.received_url = f"{url}/received"

    def received(self, address: str = "", kind: str = "", path: str = "") -> list[Webhook]:
        """Every webhook so far; of one account's address, of one type of event, at one path."""
        answer = self._session.get(self.received_url, params=_only(path), timeout=30)
        answer.raise_for_status()
        return [
            one
            for one in answer.json()
            if (not address or _address(one) == address.lower())
            and (not kind or one["body"]["type"] == kind)
        ]

    def since(self, count: int) -> list[Webhook]:
        """What came after the first so many: for long runs, which would else read all each time."""
        answer = self._session.get(self.received_url, params={"since": count}, timeout=30)
        answer.raise_for_status()
        return list(answer.json())

    def wait_for(
        self, count: int, address: str = "", kind: str = "mail.received", seconds: float = 20
    ) -> list[Webhook]:
        """Waits until so many different ones of the kind came, and gives all of them."""

        def enough() -> list[Webhook]:
            found = self.received(address, kind)
            return found if len(ids(found)) >= count else []

        return wait_until(enough, seconds, f"{count} {kind} for {address or 'anybody'}")

    def answer(self, *answers: dict[str, Any], path: str = "/hook") -> None:
        """What is answered from now on; see `modes.Mode`."""
        told = {"path": path, "answers": list(answers)}
        self._session.post(f"{self.url}/mode", json=told, timeout=10).raise_for_status()

    def forget(self, path: str = "") -> None:
        """Forgets what came, or what came to one path."""
        answer = self._session.delete(self.received_url, params=_only(path), timeout=10)
        answer.raise_for_status()


def _only(path: str) -> dict[str, str]:
    return {"path": path} if path else {}


def ids(webhooks: list[Webhook]) -> set[str]:
    """Their webhook ids: one for each event, however often it was sent."""
    return {one["headers"]["webhook-id"] for one in webhooks}


def _address(webhook: Webhook) -> str:
    body = webhook["body"] or {}
    return str(body.get("data", {}).get("account", {}).get("address", "")).lower()
