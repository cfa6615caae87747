"""A mailbox that was connected at a host, and the API's routes below its account."""

from typing import Any

import requests

from tests.lab.lab import Lab
from tests.lab.mails import made_up


class Mailbox:
    """A connected mailbox and the routes below its account."""

    def __init__(self, lab: Lab, address: str) -> None:
        lab.connect(address)
        self.lab, self.address = lab, address
        self.account_id = str(lab.account(address)["id"])

    def ask(self, path: str, method: str = "GET", **options: Any) -> requests.Response:
        """A route below the account; parameters of the query are those that are no option."""
        sent = {name: options.pop(name) for name in ("json", "data") if name in options}
        query = {name.rstrip("_"): value for name, value in options.items()}
        return self.lab.host.api(method, f"accounts/{self.account_id}/{path}", params=query, **sent)

    def got(self, path: str, **query: Any) -> dict[str, Any]:
        answer = self.ask(path, **query)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def put(self, *subjects: str, **options: Any) -> None:
        for subject in subjects:
            self.lab.mail(self.address, made_up(self.address, subject), **options)

    def subjects(self, **query: Any) -> list[str]:
        return [one["subject"] for one in self.got("messages", **query)["messages"]]
