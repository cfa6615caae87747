"""docs/migrating.md: its code runs, and what it names of ours is there."""

import re
import subprocess
import sys

import pytest
import yaml
from imap_tools import MailBox
from imapclient import IMAPClient

from shared import events
from tests.conftest import StartLab
from tests.lab.mails import made_up
from tests.lab.processes import ROOT, plain_environment

PAGE = (ROOT / "docs/migrating.md").read_text()
_KEY = "a long random text"


def test_its_code_reads_a_mailbox_with_a_token_of_ours(start_lab: StartLab, address: str) -> None:
    lab = start_lab(settings={"ACCESS_TOKEN_KEY": _KEY})
    lab.connect(address)
    lab.mail(address, made_up(address, "One"), made_up(address, "Two"))
    code = re.findall("```python\n(.*?)```", PAGE, re.DOTALL)
    environment = plain_environment() | {
        "UNSEEN_URL": lab.host.base_url,
        "UNSEEN_KEY": lab.host.function_key,
        "ACCESS_TOKEN_KEY": _KEY,
        "ACCOUNT": lab.account_id(address),
        "SSL_CERT_FILE": str(lab.services.ca_file),
    }
    [run] = [
        subprocess.run(
            [sys.executable, "-c", one], env=environment, capture_output=True, timeout=120
        )
        for one in code
    ]
    assert run.stdout.decode().strip() == "('OK', [b'1 2'])", run.stderr.decode()
    assert not any("\\Seen" in flags for flags in lab.dovecot.flags(address).values())
    untrusted = environment | {"SSL_CERT_FILE": "/dev/null"}
    refused = subprocess.run(
        [sys.executable, "-c", code[0]], env=untrusted, capture_output=True, timeout=120
    )
    assert b"CERTIFICATE_VERIFY_FAILED" in refused.stderr


@pytest.mark.parametrize(
    ("client", "method"),
    [(IMAPClient, "oauth2_login"), (MailBox, "xoauth2")],
    ids=["imapclient", "imap-tools"],
)
def test_what_it_says_of_other_libraries_is_there(client: type, method: str) -> None:
    assert hasattr(client, method) and method in PAGE


def test_each_route_that_it_names_is_one() -> None:
    paths = yaml.safe_load((ROOT / "docs/openapi.yaml").read_text())["paths"]
    named = re.findall(r"`(GET|POST|PATCH|DELETE) /api(/[^`]*)`", PAGE)
    assert len(named) > 10
    assert [one for one in named if one[0].lower() not in paths.get(one[1], {})] == []


def test_each_event_that_it_names_is_one() -> None:
    named = set(re.findall(r"`((?:mail|mailbox|account|endpoint)\.[a-z_]+)`", PAGE))
    assert len(named) > 5
    assert named - {"account.id"} <= set(events.TYPES)
