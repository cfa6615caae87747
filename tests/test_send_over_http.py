"""Sending through the host: there and back again, threaded; and what a SIGKILL leaves."""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.conftest import StartLab
from tests.lab import submission
from tests.lab.app_host import AppHost
from tests.lab.azurite import next_account
from tests.lab.http_proxy import TableProxy
from tests.lab.lab import Lab
from tests.lab.receiver.client import Webhook
from tests.lab.services import Services
from tests.lab.waiting import wait_until


def post(lab: Lab, address: str, key: str = "", **fields: Any) -> requests.Response:
    """Has the mailbox send."""
    body = {"subject": "Hello", "text": "Hello!\n"} | fields
    headers = {"idempotency-key": key} if key else {}
    path = f"accounts/{lab.account(address)['id']}/messages"
    return lab.host.api("POST", path, json=body, headers=headers)


def received(lab: Lab, address: str, count: int = 1) -> Webhook:
    return lab.receiver.wait_for(count, address, "mail.received")[-1]


def test_there_and_back_again_is_one_thread(lab: Lab, address: str) -> None:
    ada, grace = address, f"grace.{address}"
    for one in (ada, grace):
        lab.connect(one)
        lab.receiver.wait_for(1, one, "mailbox.ready")
    attachment = {
        "filename": "Rechnung März.pdf",
        "content_type": "application/pdf",
        "content_base64": base64.b64encode(b"%PDF-1.4\n%%EOF\n").decode(),
    }
    text = "Schöne Grüße aus Köln!\n"
    to = [{"name": "Grace Größe", "address": grace}]
    sent = post(lab, ada, to=to, subject="Rechnung für März", text=text, attachments=[attachment])
    assert sent.status_code == 201
    there = received(lab, grace)["body"]["data"]
    assert (there["message_id"], there["subject"]) == (
        sent.json()["message_id"],
        "Rechnung für März",
    )
    assert there["text"].replace("\r\n", "\n") == text
    assert there["to"] == to and not there["issues"]
    [shown] = there["attachments"]
    assert (shown["filename"], shown["size"]) == ("Rechnung März.pdf", 15)

    answer = {"to": there["from"], "in_reply_to_uid": there["uid"], "text": "Danke schön!\n"}
    answer |= {"uid_validity": there["uid_validity"], "subject": there["subject"]}
    assert post(lab, grace, **answer).status_code == 201
    back = received(lab, ada)["body"]["data"]
    assert (back["subject"], back["in_reply_to"]) == (
        "Re: Rechnung für März",
        there["message_id"],
    )
    assert back["thread_id"] == there["thread_id"] == there["message_id"]

    assert post(lab, ada, to=[grace], in_reply_to=back["message_id"]).status_code == 201
    assert received(lab, grace, 2)["body"]["data"]["thread_id"] == back["message_id"]


def test_a_refusal_is_a_problem_with_its_field_or_its_link(lab: Lab, address: str) -> None:
    lab.connect(address)
    bad = post(lab, address, to=["x@y.example\r\nBcc: z@evil.example"])
    assert (bad.status_code, bad.json()["code"], bad.json()["detail"]) == (
        *(400, "field_invalid"),
        "to.0",
    )
    lab.submission.fail(submission.DISABLED)
    off = post(lab, address, to=["x@y.example"])
    assert (off.status_code, off.json()["code"]) == (409, "smtp_disabled")
    assert off.json()["link"] == "https://aka.ms/smtp_auth_disabled"
    lab.submission.fail(submission.THREAD_LIMIT)
    busy = post(lab, address, to=["x@y.example"])
    assert (busy.status_code, busy.headers["Retry-After"]) == (503, "60")
    keyed = post(lab, address, key="two words", to=["x@y.example"])
    assert (keyed.status_code, keyed.json()["detail"]) == (400, "Idempotency-Key")


def test_the_thirty_first_in_a_minute_is_told_when_to_come_again(
    start_lab: StartLab, address: str
) -> None:
    lab = start_lab()
    lab.connect(address)
    answers = [post(lab, address, to=["x@y.example"]) for _ in range(31)]
    assert [one.status_code for one in answers] == [201] * 30 + [429]
    assert answers[-1].json()["code"] == "sending_limit"
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 60


def test_neither_token_nor_mail_is_in_the_log_of_the_host(
    start_lab: StartLab, address: str
) -> None:
    lab = start_lab()
    lab.connect(address)
    body = {"to": ["canary@y.example"], "subject": "canary", "text": "canary"}
    assert post(lab, address, key="canary-key", **body).status_code == 201
    lab.host.stop()
    assert "mail_sent" in lab.host.log()
    for secret in ("EwB4", "canary", address):
        assert secret not in lab.host.log()


# Killed


@pytest.fixture
def fragile(services: Services, tmp_path: Path) -> Iterator[tuple[Lab, TableProxy]]:
    """A lab whose host's table requests can be watched."""
    storage = next_account()
    proxy = TableProxy(services.azurite, storage)
    settings = {"STORAGE": proxy.connection_string}
    host = AppHost(services, tmp_path, storage_account=storage, settings=settings)
    host.start()
    yield Lab(services, host), proxy
    host.kill()
    proxy.close()


def kill_at(lab: Lab, proxy: TableProxy, phase: str, number: int) -> None:
    """Has the host die at the n-th request for the key's row, or the answer to it."""
    seen: list[str] = []

    def watcher(what: str, request: str) -> None:
        if what == phase and "once" in request:
            seen.append(request)
            if len(seen) == number:
                lab.host.kill()

    proxy.watch(watcher)


def send_and_die(lab: Lab, address: str, to: str, key: str = "key") -> None:
    with pytest.raises(requests.ConnectionError):
        post(lab, address, key, to=[to])
    wait_until(lambda: not lab.host.running, what="the end of the host")
    lab.host.start()


def test_killed_at_any_of_its_requests_it_never_sends_twice(
    fragile: tuple[Lab, TableProxy], address: str
) -> None:
    """Requests for the key's row: it is looked for, taken, and given its outcome."""
    lab, proxy = fragile
    lab.connect(address)
    outcomes = []
    for phase in ("request", "answer"):
        for number in (1, 2, 3):
            to = f"{phase}{number}.{address}"
            kill_at(lab, proxy, phase, number)
            send_and_die(lab, address, to, key=to)
            proxy.watch(None)
            answers = [post(lab, address, key=to, to=[to]) for _ in range(2)]
            mails = [one for one in lab.submission.accepted if one.recipients == (to,)]
            outcomes.append((phase, number, len(mails), *(one.status_code for one in answers)))
            assert len({one.json().get("message_id") for one in answers}) == 1
    assert outcomes == [
        ("request", 1, 1, 201, 201),  # nothing was written yet
        ("request", 2, 0, 409, 409),  # taken, and not sent: nobody can know
        ("request", 3, 1, 201, 201),  # sent, and found in Sent
        ("answer", 1, 1, 201, 201),
        ("answer", 2, 0, 409, 409),
        ("answer", 3, 1, 201, 201),
    ]


def test_killed_after_data_the_retry_finds_what_was_sent(
    fragile: tuple[Lab, TableProxy], address: str
) -> None:
    lab, _ = fragile
    lab.connect(address)
    lab.submission.watch(lab.host.kill)
    send_and_die(lab, address, "to@y.example")
    lab.submission.watch(None)
    answer = post(lab, address, "key", to=["to@y.example"])
    [mail] = lab.submission.accepted
    assert answer.status_code == 201
    assert f"<{answer.json()['message_id']}>".encode() in mail.raw


def test_killed_after_data_without_a_copy_the_retry_says_that_it_does_not_know(
    fragile: tuple[Lab, TableProxy], address: str
) -> None:
    lab, _ = fragile
    lab.connect(address)

    def lose_and_kill() -> None:
        lab.dovecot.expunge(address, 1, "Sent")
        lab.host.kill()

    lab.submission.watch(lose_and_kill)
    send_and_die(lab, address, "to@y.example")
    lab.submission.watch(None)
    for _ in range(2):
        answer = post(lab, address, "key", to=["to@y.example"])
        assert (answer.status_code, answer.json()["code"]) == (409, "outcome_unknown")
    assert len(lab.submission.accepted) == 1
