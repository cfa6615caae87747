"""Log lines: JSON with fields, one correlation id for a batch, and queries that find them."""

import json
import logging
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from shared import instants
from shared.account_rows import Account
from shared.errors import OperatorFault, TryAgain
from shared.logs import Log, carried, correlated
from tests.conftest import StartApp
from tests.lab.imap_proxy import ImapProxy, cut
from tests.lab.lab import Lab
from tests.lab.mails import made_up
from tests.lab.services import Services
from tests.lab.stepped_app import SteppedApp
from tests.lab.waiting import wait_until
from tests.log_lines import lines

_QUERIES = sorted((Path(__file__).parents[1] / "infra" / "queries").glob("*.kql"))
_FIELD = re.compile(r"\blog\.([a-z_]+)")
_EVENTS = re.compile(r"\(log\.event\) (?:==|in) \(?((?:\"[a-z_]+\"(?:, )?)+)")
# Events of functions/, which no flow logs; tests/test_infra.py finds them in the source.
_OF_FUNCTIONS = {
    "queue_message_given_up": {"event", "id"},
    "settings_wrong": {"event", "problems"},
}
log = Log("shared.some_module")


def test_a_line_is_json_with_its_fields(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        log.info("mail_recorded", account="acc_a", mails=3)
        log.warning("not_read", error=TryAgain("imap_unavailable", "STATUS: abort"))
        log.error("odd", error=ValueError("canary"))
    assert lines(caplog) == [
        {"event": "mail_recorded", "account": "acc_a", "mails": 3},
        {"event": "not_read", "code": "imap_unavailable", "detail": "STATUS: abort"},
        {"event": "odd", "kind": "ValueError"},
    ]
    assert {one.funcName for one in caplog.records} == {"test_a_line_is_json_with_its_fields"}


def test_an_id_is_carried_into_threads_and_ends_with_its_block(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.INFO):
        with correlated("0123456789abcdef"):
            elsewhere = carried(lambda: log.info("elsewhere"))
            log.info("here")
        elsewhere()
        log.info("after")
    ids = [line.get("correlation_id", "") for line in lines(caplog)]
    assert ids == ["0123456789abcdef"] * 2 + [""]


def test_one_id_goes_from_the_timer_to_the_delivery(lab: Lab, address: str) -> None:
    """Through the real queue, and into the threads of accounts and endpoints."""
    lab.connect(address)
    lab.receiver.wait_for(1, address, "mailbox.ready")
    lab.mail(address, made_up(address, "Hello"))
    (webhook,) = lab.receiver.wait_for(1, address)

    def told() -> dict[str, list[dict[str, Any]]]:
        found: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for text in lab.host.log().splitlines():
            _, brace, rest = text.partition("{")
            if brace and " shared." in text:
                line = json.loads(brace + rest)
                found[line.get("correlation_id", "")].append(line)
        return found

    def batch() -> list[str]:
        """The events of the batch that delivered the mail, once it is through."""
        for batch in told().values():
            ids = [line.get("webhook_id") for line in batch]
            events = [line["event"] for line in batch]
            if webhook["headers"]["webhook-id"] in ids and "batch_tended" in events:
                return events
        return []

    events = wait_until(batch)
    assert events[0] == "batch_enqueued" and events[-1] == "batch_tended"
    assert set(events) >= {"mail_recorded", "delivery"}


@pytest.fixture
def lived(
    start_app: StartApp,
    proxy: ImapProxy,
    services: Services,
    address: str,
    caplog: pytest.LogCaptureFixture,
) -> list[dict[str, Any]]:
    """What an app says that meets success and some faults."""
    app: SteppedApp = start_app(IMAP_HOST=f"localhost:{proxy.port}")
    account = app.settled(address)
    url = f"{services.receiver.hook_url}/second"  # each endpoint has a thread of its own
    app.parts.endpoint_admin.create({"url": url, "event_types": ["mail.received"]})
    with caplog.at_level(logging.INFO):
        services.receiver.answer({"status": 503, "times": 1})
        app.put(address, "First", "Second")
        app.tick()
        app.parts.renewal.token(account, app.parts.now(), force=True)
        app.make_attempts_due(account.id)
        app.tick_in(60)
        renewed_in_vain(app, account)
        proxy.on("STATUS", cut())
        app.tick_in(120)
        circuit, now = app.parts.app_circuit, app.parts.now()
        circuit.learn(circuit.admit(now), OperatorFault("operator_credentials", "AADSTS1"), now)
        later = app.parts.now().replace(year=now.year + 1)
        circuit.learn(circuit.admit(later), None, later)
    return lines(caplog)


def renewed_in_vain(app: SteppedApp, account: Account) -> None:
    """Microsoft does not answer, while the token that is stored is good for some minutes."""
    app.restart()
    soon = instants.after(app.parts.now(), 600)
    app.edit("tokens", account.shard, account.id, expires_at=soon)
    app.services.microsoft.next_answers("token", {"kind": "status", "status": 503})
    app.parts.renewal.token(account, app.parts.now())


def test_each_field_that_a_query_names_is_really_logged(lived: list[dict[str, Any]]) -> None:
    fields: dict[str, set[str]] = defaultdict(set)
    for line in lived:
        fields[line["event"]] |= set(line)
    fields |= _OF_FUNCTIONS
    assert len(_QUERIES) > 5
    for file in _QUERIES:
        query = file.read_text()
        named = re.findall(r"[a-z_]+", " ".join(_EVENTS.findall(query))) or ["batch_tended"]
        assert set(named) <= set(fields), file.name
        missing = set(_FIELD.findall(query)) - set().union(*(fields[one] for one in named))
        assert not missing, f"{file.name}: {missing}"


def test_a_batch_counts_what_it_did(lived: list[dict[str, Any]]) -> None:
    batches = [line for line in lived if line["event"] == "batch_tended"]
    counts = [(one["checks"], one["failures"], one["mails"]) for one in batches]
    assert counts == [(1, 0, 2), (1, 0, 0), (1, 1, 0)]


def test_a_delivery_says_whose_batch_it_is_of_and_how_long_the_mail_took(
    lived: list[dict[str, Any]],
) -> None:
    batches = {line["correlation_id"] for line in lived if line["event"] == "batch_tended"}
    deliveries = [line for line in lived if line["event"] == "delivery"]
    assert len({one["endpoint"] for one in deliveries}) == 2
    assert {one.get("correlation_id") for one in deliveries} <= batches
    done = [one for one in deliveries if one["state"] == "done"]
    assert done and all(-1 < one["latency_seconds"] < 60 for one in done)
