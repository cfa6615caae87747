"""The multipart message of a transaction: what is sent, and what its answer says."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import table_transactions, table_writes
from shared.table_transactions import Answer
from shared.table_writes import Insert, Operation, Request, Update

_ENDPOINT = "https://lab.table.core.windows.net"
_ETAG = "W/\"datetime'2026-01-31T12%3A00%3A00.1234567Z'\""
_WRITTEN = f"HTTP/1.1 204 No Content\r\nDataServiceVersion: 1.0;\r\nETag: {_ETAG}\r\n\r\n"
_DELETED = "HTTP/1.1 204 No Content\r\nDataServiceVersion: 1.0;\r\n\r\n"
_CONFLICT = (
    "HTTP/1.1 409 Conflict\r\nContent-Type: application/json;charset=utf-8\r\n\r\n"
    '{"odata.error":{"code":"EntityAlreadyExists","message":{"lang":"en-US","value":"1:It is"}}}'
)


def sent(*operations: Operation) -> Request:
    writes = [table_writes.request("things", one) for one in operations]
    return table_transactions.together(writes, _ENDPOINT)


def answer(*parts: str) -> Answer:
    """As the service writes it: https://learn.microsoft.com/rest/api/storageservices/performing-entity-group-transactions"""
    head = "Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n"
    body = "".join(f"--changesetresponse_2\r\n{head}{part}\r\n" for part in parts)
    return batch(
        "--batchresponse_1\r\nContent-Type: multipart/mixed; boundary=changesetresponse_2\r\n\r\n"
        f"{body}--changesetresponse_2--\r\n--batchresponse_1--\r\n"
    )


def batch(body: str, content_type: str = "multipart/mixed; boundary=batchresponse_1") -> Answer:
    return Answer(202, {"content-type": content_type}, body.encode())


# What is sent


_odd = st.text() | st.sampled_from(
    ["\r\n--batch_", "\r\n\r\n--changeset_\r\n", "HTTP/1.1 204 No Content\r\n", "\u2028", "\x85"]
)


@given(partition=_odd, text=_odd, raw=st.binary())
def test_no_value_makes_a_line_of_its_own(partition: str, text: str, raw: bytes) -> None:
    fields: Any = {"PartitionKey": partition, "RowKey": text, "text": text, "raw": raw}
    plain: Any = {"PartitionKey": "a", "RowKey": "b", "text": "c", "raw": b"d"}
    odd, even = (sent(Insert(one), Update(one, _ETAG)) for one in (fields, plain))
    assert odd.body.isascii()
    assert len(odd.body.splitlines()) == len(even.body.splitlines())


# What its answer says


def test_the_answers_come_in_the_order_of_the_writes() -> None:
    first, second = table_transactions.answers(answer(_WRITTEN, _DELETED))
    assert (first.status, first.etag) == (204, _ETAG)
    assert (second.status, second.etag) == (204, "")


def test_the_write_that_failed_is_the_only_answer() -> None:
    (failed,) = table_transactions.answers(answer(_CONFLICT))
    assert (failed.status, failed.code) == (409, "EntityAlreadyExists")


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"odata.error": "x"}', b"\xff"])
def test_an_error_that_is_not_the_services_has_no_code(body: bytes) -> None:
    assert Answer(503, {}, body).code == ""


_WHOLE = answer(_WRITTEN).body.decode()


@pytest.mark.parametrize(
    "malformed",
    [
        batch(""),
        batch("<html>busy</html>"),
        batch(_WHOLE, "text/html"),
        batch(_WHOLE, "multipart/mixed"),
        batch(_WHOLE, "multipart/mixed; boundary=other"),
        batch(_WHOLE.replace("Content-Type: multipart", "X: multipart")),
        batch(_WHOLE.replace("HTTP/1.1 204", "HTTP/1.1 two")),
        batch(_WHOLE.replace("\r\n", "\n")),
        answer("HTTP/1.1 204 No Content"),
        Answer(202, {}, _WHOLE.encode()),
    ],
)
def test_what_is_no_answer_is_refused(malformed: Answer) -> None:
    with pytest.raises((ValueError, LookupError)):
        table_transactions.answers(malformed)


@given(st.integers(0, len(_WHOLE) - 3))
def test_an_answer_that_was_cut_is_refused(length: int) -> None:
    with pytest.raises((ValueError, LookupError)):
        table_transactions.answers(batch(_WHOLE[:length]))
