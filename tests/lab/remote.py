"""A standing lab, seen from another process through its `lab.json`."""

import json
import secrets
import shlex
import sys
from collections.abc import Sequence
from multiprocessing.connection import Client
from pathlib import Path
from typing import Any

import requests

from . import walk
from .app_host import TIMER
from .errors import LabError
from .mails import made_up
from .not_microsoft.client import Control
from .standing import JSON_NAME
from .table_dump import dump


def open_lab(folder: Path) -> "Remote":
    """The lab that stands in the folder; raises LabError where there is none."""
    try:
        return Remote(json.loads((folder / JSON_NAME).read_text()))
    except (OSError, ValueError):
        raise LabError(f"No lab stands in {folder}. Start one with: make lab") from None


class Remote:
    """What the verbs of the command line do; results go to stdout."""

    def __init__(self, about: dict[str, Any]) -> None:
        self._about = about

    def timer(self) -> None:
        """Fires the timer once."""
        url = f"{self._about['base_url']}/admin/functions/{TIMER}"
        headers = {"x-functions-key": self._about["master_key"]}
        try:
            requests.post(url, headers=headers, json={}, timeout=10).raise_for_status()
        except requests.RequestException as error:
            raise LabError(f"The host did not take it: {error}") from None

    def host(self, action: str) -> None:
        """kill, start or restart."""
        self._order(action)

    def mail(self, address: str, files: Sequence[str], count: int) -> None:
        """Puts the files, and so many made-up mails, into the mailbox."""
        if not files and count < 1:
            raise LabError("Nothing to put in: name files, or say --count N")
        raws = [_read(file) for file in files] + [
            made_up(address, f"Made-up mail {n + 1}") for n in range(count)
        ]
        for raw in raws:
            self._order(("mail", address, raw))
        print(f"{len(raws)} put into {address}")

    def connect(self, address: str, kind: str) -> None:
        """Walks the login; an account that Microsoft does not know is made there first."""
        ca_file = self._about["ca_file"]
        control = Control(self._about["microsoft_control_url"], ca_file)
        if address.casefold() not in {one["username"].casefold() for one in control.accounts()}:
            control.add_account(address, kind)
        browser = walk.Browser(ca_file, cross_site=[self._about["microsoft_url"]])
        page = walk.connect(self._about["login_url"], address, ca_file=ca_file, browser=browser)
        print(f"{page.status} {page.title}")
        if page.status != 200:
            raise LabError(page.text)

    def environment(self, port: int | None) -> None:
        """Prints, for a shell, where the app is and its key.

        With a port, also what an application there has to know; see `given`.
        """
        known = self._known if port is None else self.given(port)
        for name, value in known.items():
            print(f"export {name}={shlex.quote(value)}")

    @property
    def _known(self) -> dict[str, str]:
        return {"UNSEEN_URL": self._about["base_url"], "UNSEEN_KEY": self._about["function_key"]}

    def given(self, port: int) -> dict[str, str]:
        """The environment of an application on that port, as examples/README.md lists it.

        It gets an endpoint; one that it was given before is replaced.
        """
        app_url = f"http://localhost:{port}"
        url = f"{app_url}/webhooks"
        for one in self._api("GET", "endpoints")["endpoints"]:
            if one["url"] == url:
                self._api("DELETE", f"endpoints/{one['id']}")
        endpoint = self._api("POST", "endpoints", {"url": url, "description": "An example"})
        return self._known | {
            "WEBHOOK_SECRET": endpoint["secret"],
            "APP_URL": app_url,
            "SESSION_SECRET": secrets.token_hex(32),
            "DATABASE": str(Path(self._about["log_file"]).with_name(f"port-{port}.sqlite")),
        }

    def dump(self) -> None:
        """All rows of all tables."""
        json.dump(dump(self._about["storage_connection_string"]), sys.stdout, indent=2)
        print()

    def received(self) -> None:
        """All webhooks that came."""
        print(json.dumps(requests.get(self._about["received_url"], timeout=10).json(), indent=2))

    def _api(self, method: str, path: str, body: Any = None) -> Any:
        url = f"{self._about['base_url']}/api/{path}"
        headers = {"x-functions-key": self._about["function_key"]}
        try:
            answer = requests.request(method, url, headers=headers, json=body, timeout=30)
            answer.raise_for_status()
        except requests.RequestException as error:
            raise LabError(f"The app did not take it: {error}") from None
        return answer.json() if answer.content else None

    def _order(self, order: Any) -> None:
        """Has the lab's own process do it, which is the parent of all others."""
        key = bytes.fromhex(self._about["control_key"])
        try:
            with Client(self._about["control_address"], authkey=key) as connection:
                connection.send(order)
                told = connection.recv()
        except OSError:
            raise LabError("The lab does not answer. Start it again with: make lab") from None
        if told:
            raise LabError(told)


def _read(file: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise LabError(f"{file}: {error.strerror}") from None
