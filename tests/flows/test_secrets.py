"""I6: what must not be in a log or at rest in the clear, looked for after success and faults."""

import base64
import json
from urllib.parse import quote

import pytest

from tests.conftest import StartLab
from tests.lab.lab import Lab
from tests.lab.mails import made_up
from tests.lab.table_dump import dump
from tests.lab.waiting import wait_until

_SUBJECT = "canary subject Żółw"
_PASSING = ("html", "cut_json", "status", "drop", "lost_answer", "temporarily_unavailable")
_FOR_THE_OWNER = ("invalid_grant", "interaction_required", "consent_required", "policy")
# What every token and code of NotMicrosoft begins with.
_TOKENS = ("EwB4", "M.C5_BAY.", "M.C5.")


@pytest.fixture
def lived(start_lab: StartLab, address: str) -> Lab:
    """A lab in which mailboxes met success, then each kind of fault."""
    lab = start_lab(beat_seconds=0.5)
    lab.connect(address)
    lab.connect(address, choose="cancel")
    lab.receiver.answer({"status": 500, "times": 1}, {"kind": "reset", "times": 1})
    lab.mail(address, made_up(address, _SUBJECT), made_up(address, _SUBJECT))
    lab.receiver.wait_for(2, address)
    # Our own secret last: it stops all refreshes.
    for kind in (*_PASSING, *_FOR_THE_OWNER, "secret_expired"):
        meets_a_fault(lab, f"{kind}.{address}", kind)
    return lab


def meets_a_fault(lab: Lab, address: str, kind: str) -> None:
    """Connects another mailbox, whose token can then not be renewed."""
    lab.connect(address)
    lab.receiver.wait_for(1, address, "mailbox.ready")
    lab.microsoft.next_answers("token", {"kind": kind, "for_username": address})
    lab.microsoft.expire_access_tokens(address)
    account_id = lab.account(address)["id"]
    lab.check(address)
    said = f'"account_not_read", "account": "{account_id}"'
    wait_until(lambda: said in lab.host.log(), 20, kind)


def forms(canary: str) -> set[str]:
    """The canary as it might be written: plain, URL-encoded, in JSON, in base64 at any offset."""
    raw = canary.encode()
    inner = {base64.b64encode(b"x" * pad + raw)[4:-4].decode() for pad in range(3)}
    return {canary, quote(canary), quote(canary, safe=""), json.dumps(canary)[1:-1]} | {
        part for part in inner if part
    }


def found_in(text: str, *canaries: str) -> set[str]:
    return {canary for canary in canaries if any(form in text for form in forms(canary))}


def secrets_of(lab: Lab) -> tuple[str, ...]:
    settings = lab.host.settings
    return (
        settings["CLIENT_SECRET"],
        settings["WEBHOOK_SECRET"].removeprefix("whsec_"),
        settings["ENCRYPTION_KEYS"].partition(":")[2],
        lab.host.function_key,
        *_TOKENS,
    )


def answers(lab: Lab) -> str:
    """What the API and the anonymous pages say about all of it."""
    listed = lab.host.api("GET", "accounts?limit=200").json()["accounts"]
    paths = ["accounts?limit=200", "endpoints", "deliveries", "health/details"]
    paths += [f"accounts/{one['id']}" for one in listed]
    paths += [f"deliveries?account={one['id']}" for one in listed]
    told = [lab.host.api("GET", path).text for path in paths]
    return "".join([*told, lab.browser().get(lab.login_url).html])


def test_t10_t11_a_life_with_faults_leaves_no_secret_in_log_tables_or_answers(
    lived: Lab, address: str
) -> None:
    secrets = secrets_of(lived)
    log, rows = lived.host.log(), json.dumps(dump(lived.host.storage))
    assert not found_in(log, *secrets, _SUBJECT, address)
    assert not found_in(rows, *secrets, _SUBJECT)
    assert not found_in(answers(lived), *secrets, _SUBJECT)
