"""Results: what the web application learns of a login, once."""

import json
from datetime import timedelta
from typing import Any

import pytest

from shared import instants
from tests.conftest import StartApp
from tests.guest import Guest, account_of, invited, query, redeemed
from tests.lab.http_proxy import TableProxy
from tests.lab.stepped_app import SteppedApp
from tests.lab.table_dump import dump
from tests.refusals import refused

_BACK = "http://localhost:3000/back"


def test_t2_the_way_back_has_a_result_that_is_redeemed_once(
    closed_app: SteppedApp, address: str
) -> None:
    url = invited(closed_app, reference="customer 7&x=1", return_url=f"{_BACK}?tab=1&result=mine")
    ended = Guest(closed_app).connect(url, address)
    back = query(ended.location)
    assert (back["status"], back["reference"]) == ("connected", "customer 7&x=1")
    assert ended.location.startswith(f"{_BACK}?tab=1&status=")
    assert ended.location.count("result=") == 1
    told = redeemed(closed_app, back["result"])
    account = account_of(closed_app, "customer 7&x=1")
    assert (told["account"]["id"], told["reference"]) == (account.id, "customer 7&x=1")
    assert (told["status"], told["account"]["address"]) == ("connected", address)
    assert account.id not in ended.location
    doubled = refused(lambda: redeemed(closed_app, back["result"]))
    assert doubled == ("result_unknown", "", 404)


def test_open_connect_has_a_result_too(app: SteppedApp, address: str) -> None:
    ended = Guest(app).connect(f"/api/login?return_to={_BACK}", address)
    back = query(ended.location)
    assert (back["status"], back["reference"]) == ("connected", "")
    assert redeemed(app, back["result"])["account"]["address"] == address


@pytest.mark.parametrize("forged", ["", "x", "A" * 43, "../..", "\u00e9" * 43, "A" * 200])
def test_t2_a_forged_result_is_refused(app: SteppedApp, forged: str) -> None:
    assert refused(lambda: redeemed(app, forged)) == ("result_unknown", "", 404)


def test_t2_an_expired_result_is_refused(app: SteppedApp, address: str) -> None:
    code = query(Guest(app).connect(f"/api/login?return_to={_BACK}", address).location)["result"]
    later = instants.now() + timedelta(minutes=5, seconds=1)
    assert refused(lambda: redeemed(app, code, later)) == ("result_unknown", "", 404)


@pytest.mark.parametrize(
    ("body", "named"),
    [(None, "body"), ({}, "result"), ({"result": 1}, "result"), ({"result": "x", "y": 1}, "y")],
)
def test_a_request_for_a_result_that_is_none_names_the_field(
    app: SteppedApp, body: Any, named: str
) -> None:
    found = refused(lambda: app.parts.results.redeem(body, instants.now()))
    assert found[:2] == ("field_invalid", named)


def test_t11_neither_results_nor_used_invitations_hold_anything_readable(
    closed_app: SteppedApp, address: str
) -> None:
    url = invited(closed_app, reference="canary-7", return_url=f"{_BACK}?canary")
    code = query(Guest(closed_app).connect(url, address).location)["result"]
    told = json.dumps(closed_app.rows("once"), default=str)
    assert "canary" not in told and code not in told and address not in told
    assert query(url)["invitation"] not in dump(closed_app.storage)


def test_f8_a_redeeming_whose_answer_of_the_table_gets_lost_is_a_success_and_the_only_one(
    start_app: StartApp, lossy: TableProxy, address: str
) -> None:
    app = start_app(STORAGE=lossy.connection_string)
    code = query(Guest(app).connect(f"/api/login?return_to={_BACK}", address).location)["result"]
    lossy.lose()
    assert redeemed(app, code)["account"]["address"] == address
    assert refused(lambda: redeemed(app, code)) == ("result_unknown", "", 404)
