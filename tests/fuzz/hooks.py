"""What schemathesis makes up, brought to meet what is there: SCHEMATHESIS_HOOKS names this module.

A made-up id is of nothing, and every answer would be a 404. So of the values that are valid, nine
in ten are replaced by one of the lab, in the first cases of an operation all; what is invalid
stays. Webhooks go to the receiver.
"""

import json
import os
import random
import re
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

import schemathesis
from schemathesis import Case, HookContext

from shared import ids
from shared.errors import Rejected
from shared.guard import Guard
from tests.fuzz.there import There

_THERE = There(**json.loads(os.environ["FUZZ_THERE"]))
_MAX_QUERY = 6000  # the host takes 8 KiB of a request's line, and answers more by itself
_KEY = "Idempotency-Key"
_MADE_UP = 0.1
_FIRST_CASES = 5
_CHANCE = random.Random(0)  # the same in each run
_cases: Counter[str] = Counter()


def _matches(pattern: str) -> Callable[[Any], bool]:
    compiled = re.compile(pattern)
    return lambda value: compiled.fullmatch(value) is not None


def _is_sent_to(url: str) -> bool:
    try:
        Guard(private=True).check_url(url)
    except Rejected:
        return False
    return True


_FOLDER = _matches(r"[^\x00-\x1f\x7f-\x9f*%]{1,250}")
_NUMBER = _matches("[1-9][0-9]{0,9}")
_ADDRESS = _matches(r"[!#-'*+\-./0-9=?A-Z^-~]+@[a-z.]+")
# By name: which values are valid, and what there is.
_KNOWN: Mapping[str, tuple[Callable[[Any], bool], list[Any]]] = {
    "account": (_matches(ids.ACCOUNT_ID.pattern), [_THERE.account]),
    "expected_account": (_matches(ids.ACCOUNT_ID.pattern), [_THERE.account]),
    "endpoint_id": (_matches(ids.ENDPOINT_ID.pattern), _THERE.endpoints),
    "endpoints": (_matches(ids.ENDPOINT_ID.pattern), _THERE.endpoints),
    "webhook_id": (_matches(ids.WEBHOOK_ID.pattern), _THERE.webhook_ids),
    "uid": (_NUMBER, _THERE.uids),
    "in_reply_to_uid": (_NUMBER, _THERE.uids),
    "uid_validity": (_NUMBER, [_THERE.uid_validity]),
    "folder": (_FOLDER, ["INBOX"]),
    "move_to": (_FOLDER, ["Sent", "INBOX"]),
    "tenant": (_matches("[a-z0-9-]+[.][a-z]+"), [_THERE.tenant]),
    "mailbox": (_ADDRESS, [_THERE.mailbox]),
    "from": (_ADDRESS, [_THERE.address]),
    "url": (_is_sent_to, [_THERE.url]),
    "return_url": (_matches("https?://.*"), ["http://localhost:3000/back"]),
}
# What may be removed.
_SPARE: Mapping[str, list[str]] = {
    "account": _THERE.spare_accounts,
    "endpoint_id": _THERE.spare_endpoints,
}


@schemathesis.hook
def filter_case(context: HookContext, case: Case[Any]) -> bool:
    query = case.query if isinstance(case.query, dict) else {}
    return len(urlencode(query, doseq=True, errors="replace")) < _MAX_QUERY


@schemathesis.hook
def before_call(context: HookContext, case: Case[Any], **kwargs: Any) -> None:
    path, removes = case.operation.path, case.operation.method.upper() == "DELETE"
    of_id = "endpoint_id" if path.startswith("/endpoints") else "account"
    _cases[case.operation.label] += 1
    made_up = _MADE_UP if _cases[case.operation.label] > _FIRST_CASES else 0
    parameters = case.path_parameters or {}
    for name, value in parameters.items():
        parameters[name] = _met(of_id if name == "id" else name, value, made_up, spare=removes)
    if "attachment" in parameters and _NUMBER(str(parameters["uid"])):
        parameters["uid"], parameters["attachment"] = _THERE.attachment
    if _KEY in case.headers and _CHANCE.random() > made_up:  # else it is the example's each time
        case.headers[_KEY] = f"{case.headers[_KEY][:200]}{_CHANCE.getrandbits(32)}"
    for sent in (case.query, case.body):
        if isinstance(sent, dict):
            sent.update({name: _met(name, value, made_up) for name, value in sent.items()})


def _met(name: str, value: Any, made_up: float, *, spare: bool = False) -> Any:
    if isinstance(value, list):
        return [_met(name, one, made_up) for one in value]
    if name not in _KNOWN or isinstance(value, bool) or not isinstance(value, str | int):
        return value
    valid, there = _KNOWN[name]
    # A webhook to an address that was made up would leave this machine.
    if not valid(str(value)) or (name != "url" and _CHANCE.random() < made_up):
        return value
    found = _CHANCE.choice(_SPARE[name] if spare else there)
    return str(found) if isinstance(value, str) else found
