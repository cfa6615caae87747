"""The description as the app serves it, and queries that it doesn't know."""

import re

import pytest
import requests

from tests.lab.described import DOCUMENT, Json, followed, operations
from tests.lab.lab import Lab
from tests.refusals import problem

KEYED = [one for one in operations() if "security" not in one[2]]
NAMES = [one[2]["operationId"] for one in KEYED]
# A path's parameters, with values that nothing has.
_IDS = {"uid": "7", "attachment": "2", "webhook_id": "msg_system_" + "a" * 20}


def asked(lab: Lab, path: str, method: str, query: dict[str, str]) -> requests.Response:
    of_nothing = {"id": ("ep_" if path.startswith("/endpoints") else "acc_") + "a" * 26} | _IDS
    filled = re.sub(r"\{(\w+)\}", lambda found: of_nothing[found[1]], path.removeprefix("/"))
    return lab.host.api(method.upper(), filled, params=query)


def test_it_is_served_without_a_key_and_may_be_kept_for_a_while(lab: Lab) -> None:
    answer = requests.get(f"{lab.host.base_url}/api/openapi.json", timeout=10)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    assert answer.headers["Cache-Control"] == "public, max-age=3600"
    assert answer.json() == DOCUMENT


@pytest.mark.parametrize(("path", "method", "operation"), KEYED, ids=NAMES)
def test_a_parameter_that_is_not_described_is_refused_by_name(
    lab: Lab, path: str, method: str, operation: Json
) -> None:
    answer = asked(lab, path, method, {"surplus": "1"})
    assert problem(answer) == (400, "field_invalid", "surplus")


@pytest.mark.parametrize(("path", "method", "operation"), KEYED, ids=NAMES)
def test_one_that_is_described_is_known_and_so_are_the_hosts_own(
    lab: Lab, path: str, method: str, operation: Json
) -> None:
    common = DOCUMENT["paths"][path].get("parameters", [])
    given = [followed(one) for one in (*common, *operation.get("parameters", []))]
    names = [one["name"] for one in given if one["in"] == "query"]
    answer = asked(lab, path, method, dict.fromkeys([*names, "code", "clientId"], ""))
    detail = answer.json().get("detail") if answer.status_code == 400 else ""
    assert detail not in {*names, "code", "clientId"}
