"""The wire to the table service, beside the SDK: what one writes, the other reads."""

import itertools
import socket
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from azure.core.credentials import AzureNamedKeyCredential
from azure.data.tables import (
    AccountSasPermissions,
    EdmType,
    EntityProperty,
    ResourceTypes,
    TableClient,
    TableServiceClient,
    generate_account_sas,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from shared import instants
from shared.errors import Stale, TryAgain
from shared.tables import Fields, Insert, Tables, Update
from tests.lab.azurite import next_account
from tests.lab.raw_server import RawServer
from tests.lab.services import Services
from tests.lab.stepped_app import SteppedApp
from tests.lab.waiting import wait_until

_TABLE = "odd"
_numbers = itertools.count()
# https://learn.microsoft.com/rest/api/storageservices/understanding-the-table-service-data-model
_keys = st.text(st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="/\\#?")) | (
    st.sampled_from(["o'clock", "100%", "%27", "a b", "é+&=", "会議", "'", "owed:000000000001"])
)
_texts = st.text() | st.sampled_from(
    ["\r\n--changeset_\r\n", "2026-01-31T12:00:00Z", '"\\', "\u2028\x00", "12", "true"]
)
_fields = st.fixed_dictionaries(
    {},
    optional={
        "text": _texts,
        "small": st.integers(-(2**31), 2**31 - 1),
        "large": st.integers(2**31, 2**63 - 1) | st.integers(-(2**63), -(2**31) - 1),
        "yes": st.booleans(),
        "raw": st.binary(),
    },
)


@pytest.fixture(scope="module")
def sdk(shared_app: SteppedApp) -> Iterator[TableClient]:
    """The SDK's own client of the shared app's storage."""
    with TableServiceClient.from_connection_string(shared_app.storage) as service:
        service.create_table_if_not_exists(_TABLE)
        yield service.get_table_client(_TABLE)


@pytest.fixture(scope="module")
def store(shared_app: SteppedApp) -> Tables:
    return shared_app.parts.tables


def fresh(partition: str, key: str, fields: Fields) -> dict[str, Any]:
    """The fields as a row that no other example has."""
    return {"PartitionKey": partition, "RowKey": f"{next(_numbers)}{key}", **fields}


# As the SDK does it


@settings(max_examples=60)
@given(partition=_keys, key=_keys, first=_fields, second=_fields)
def test_what_a_transaction_writes_the_sdk_reads(
    store: Tables, sdk: TableClient, partition: str, key: str, first: Fields, second: Fields
) -> None:
    rows = [fresh(partition, key, first), fresh(partition, key, second)]
    inserted = store.transact(_TABLE, [Insert(one) for one in rows])
    etags = store.transact(
        _TABLE, [Update(one, etag) for one, etag in zip(rows, inserted, strict=True)]
    )
    found = [sdk.get_entity(one["PartitionKey"], one["RowKey"]) for one in rows]
    assert [plain(one) for one in found] == rows
    assert [one.metadata["etag"] for one in found] == etags


def plain(entity: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value.value if isinstance(value, EntityProperty) else value
        for name, value in entity.items()
    }


@settings(max_examples=60)
@given(partition=_keys, key=_keys, fields=_fields)
def test_what_the_sdk_writes_is_read_and_found(
    store: Tables, sdk: TableClient, partition: str, key: str, fields: dict[str, Any]
) -> None:
    row = fresh(partition, key, fields)
    large = {"large": EntityProperty(fields["large"], EdmType.INT64)} if "large" in fields else {}
    etag = sdk.create_entity(row | large)["etag"]
    found = store.get(_TABLE, row["PartitionKey"], row["RowKey"])
    assert found == row and found.etag == etag
    same = [(name, "eq", value) for name, value in row.items()]
    assert [(one, one.etag) for one in store.query(_TABLE, *same)] == [(row, etag)]


# Who signs


def test_a_shared_access_signature_does_as_well_as_a_key(services: Services) -> None:
    with_key = services.azurite.connection_string(next_account())
    parts = dict(part.split("=", 1) for part in with_key.split(";") if part)
    signature = generate_account_sas(
        AzureNamedKeyCredential(parts["AccountName"], parts["AccountKey"]),
        ResourceTypes(service=True, container=True, object=True),
        AccountSasPermissions(read=True, write=True, delete=True, list=True, add=True, update=True),
        instants.now() + timedelta(hours=1),
    )
    store = Tables(
        f"TableEndpoint={parts['TableEndpoint']};SharedAccessSignature={signature.lstrip('?')}"
    )
    rows = [fresh("a", "o'clock é", {"n": n}) for n in range(2)]
    store.transact(_TABLE, [Insert(one) for one in rows])
    assert store.query(_TABLE, ("PartitionKey", "eq", "a"), ("n", "ge", 0)) == rows
    assert store.get(_TABLE, "a", rows[1]["RowKey"]) == rows[1]
    store.close()


# Answers that are none


@pytest.fixture
def serve() -> Iterator[Callable[..., Tables]]:
    """Makes tables of a service that is a function; its waits between tries take no time."""
    opened: list[tuple[RawServer, Tables]] = []

    def start(talk: Callable[[socket.socket], None], **options: Any) -> Tables:
        server = RawServer(talk)
        place = f"TableEndpoint=http://127.0.0.1:{server.port}/lab;AccountName=lab;AccountKey=a2V5"
        opened.append((server, Tables(place, wait=lambda seconds: None, **options)))
        return opened[-1][1]

    yield start
    for server, tables in opened:
        server.close()
        tables.close()


def says(status: str, content_type: str, body: str) -> Callable[[socket.socket], None]:
    head = f"HTTP/1.1 {status}\r\nConnection: close\r\nContent-Type: {content_type}\r\n"
    text = f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode()

    def talk(sock: socket.socket) -> None:
        sock.recv(65_536)
        sock.sendall(text)

    return talk


def get(tables: Tables) -> object:
    return tables.get(_TABLE, "a", "b")


def query(tables: Tables) -> object:
    return tables.query(_TABLE, ("PartitionKey", "eq", "a"))


def insert(tables: Tables) -> object:
    return tables.insert(_TABLE, fresh("a", "b", {}))


def transact(tables: Tables) -> object:
    return tables.transact(_TABLE, [Insert(fresh("a", "b", {})), Insert(fresh("a", "c", {}))])


_MULTIPART = "multipart/mixed; boundary=batchresponse_1"


def batch(*lines: str) -> Callable[[socket.socket], None]:
    """Answers to a transaction, each of a status line only."""
    parts = "".join(
        "--changesetresponse_2\r\nContent-Type: application/http\r\n\r\n"
        f"HTTP/1.1 {line}\r\nDataServiceVersion: 1.0;\r\n\r\n\r\n"
        for line in lines
    )
    body = (
        "--batchresponse_1\r\nContent-Type: multipart/mixed; boundary=changesetresponse_2\r\n\r\n"
        f"{parts}--changesetresponse_2--\r\n--batchresponse_1--\r\n"
    )
    return says("202 Accepted", _MULTIPART, body)


@pytest.mark.parametrize(
    ("ask", "answer"),
    [
        (get, says("200 OK", "application/json", "<html>")),
        (get, says("200 OK", "application/json", "[]")),
        (get, says("200 OK", "application/json", '{"PartitionKey": "a", "RowKey": "b"}')),
        (query, says("200 OK", "application/json", '{"value": null}')),
        (query, says("200 OK", "application/json", '{"value": ["a"]}')),
        (transact, says("202 Accepted", "application/json", "{}")),
        (transact, says("202 Accepted", _MULTIPART, "")),
        (transact, batch("204 No Content")),
        (transact, batch("204 No Content", "204 No Content")),
        (insert, says("204 No Content", "application/json", "")),
    ],
)
def test_f40_an_answer_that_is_none_is_a_passing_fault(
    serve: Callable[..., Tables], ask: Callable[[Tables], object], answer: Any
) -> None:
    with pytest.raises(TryAgain, match=r"storage_unavailable \(Unreadable\)"):
        ask(serve(answer))


@pytest.mark.parametrize(("status", "error"), [("412 No", Stale), ("413 No", TryAgain)])
def test_a_refused_write_counts_for_all(
    serve: Callable[..., Tables], status: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        transact(serve(batch(status)))


def test_f40_a_service_that_says_nothing_is_not_waited_for(serve: Callable[..., Tables]) -> None:
    given_up = threading.Semaphore(0)

    def talk(sock: socket.socket) -> None:
        while sock.recv(65_536):
            pass
        given_up.release()

    tables = serve(talk, read_seconds=0.2)
    errors: list[Exception] = []

    def ask() -> None:
        try:
            get(tables)
        except TryAgain as error:
            errors.append(error)

    threading.Thread(target=ask, daemon=True).start()
    for _ in range(4):
        assert given_up.acquire(timeout=10)
    wait_until(lambda: errors)
    assert str(errors[0]) == "storage_unavailable (ServiceResponseTimeoutError)"
