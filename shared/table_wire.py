"""The wire to the table service: signed requests over azure-core's pipeline, rows and ETags back.

The SDK reads a connection string, and no more: rows through it were a third of what an idle
mailbox costs, see docs/decisions.md.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from email.utils import formatdate, parsedate_to_datetime
from urllib.parse import quote, urlencode

import requests
from azure.core.exceptions import AzureError, HttpResponseError
from azure.core.pipeline import Pipeline
from azure.core.pipeline.transport import RequestsTransport
from azure.core.rest import HttpRequest, HttpResponse
from requests.adapters import HTTPAdapter

from shared import table_access, table_transactions, table_writes
from shared.table_access import Token
from shared.table_rows import Row, row
from shared.table_transactions import Answer
from shared.table_writes import Request

_CONNECTIONS = 100  # one for each thread of a batch
_CONNECT_SECONDS = 5
# The first that takes tokens for tables, and the newest that the SDK knows.
_VERSION = "2020-12-06"
_NEXT = ("NextPartitionKey", "NextRowKey")


class Refused(HttpResponseError):
    """The service said no: `status_code`, and its own `error_code`."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(message=answer.code)
        self.status_code = answer.status
        self.error_code = answer.code


class Unreadable(AzureError):
    """The answer is not what the service documents: as good as lost."""


class Wire:
    """The connections to one storage account; safe to share between threads.

    place: a connection string, or with `token` the service's URL. read_seconds: how long the
    service may say nothing. ca_file: who is trusted in TLS, '' for certifi's. All raise `Refused`,
    or another AzureError where no answer came, or what `token` raises.
    """

    def __init__(
        self, place: str, read_seconds: float, ca_file: str = "", token: Token | None = None
    ) -> None:
        self._session = requests.Session()
        for scheme in ("https://", "http://"):
            self._session.mount(scheme, HTTPAdapter(pool_connections=4, pool_maxsize=_CONNECTIONS))
        transport = RequestsTransport(
            session=self._session,
            session_owner=False,
            connection_timeout=_CONNECT_SECONDS,
            read_timeout=read_seconds,
            connection_verify=ca_file or True,
        )
        self._endpoint, policy = table_access.of(place, token)
        self._pipeline = Pipeline[HttpRequest, HttpResponse](transport, [policy])

    def close(self) -> None:
        self._session.close()

    def make_table(self, table: str) -> None:
        """Makes the table unless it is there."""
        try:
            self._send(table_writes.new_table(table))
        except Refused as error:
            if error.error_code != "TableAlreadyExists":
                raise

    def server_time(self) -> datetime:
        """When the service answered, by the head of a small answer."""
        answer = self._send(Request("GET", "/Tables()?$top=1"))
        return _read(parsedate_to_datetime, answer.headers.get("date", ""))

    def row(self, path: str) -> Row:
        """The row at `table_rows.address`."""
        answer = self._send(Request("GET", path))
        return _read(_row, answer.body)

    def rows(self, table: str, query: Mapping[str, str]) -> Iterator[Row]:
        """The rows that a query finds, page by page."""
        after: Mapping[str, str] = {}
        while True:
            text = urlencode({**query, **after}, safe="$", quote_via=quote)
            answer = self._send(Request("GET", f"/{table}()?{text}"))
            yield from _read(_page, answer.body)
            after = _after(answer.headers)
            if not after:
                return

    def write(self, request: Request) -> str:
        """Makes one write; gives the row's new ETag, '' where it was deleted."""
        return _etag(request, self._send(request))

    def write_together(self, writes: Sequence[Request]) -> list[str]:
        """Makes all of the writes or none; gives the ETags in order."""
        batch = self._send(table_transactions.together(writes, self._endpoint))
        answers = _read(table_transactions.answers, batch)
        for answer in answers:
            if answer.status >= 300:
                raise Refused(answer)
        if len(answers) != len(writes):
            raise Unreadable(f"{len(answers)} answers to {len(writes)} writes")
        return [_etag(*one) for one in zip(writes, answers, strict=True)]

    def _send(self, request: Request) -> Answer:
        stamp = {"x-ms-version": _VERSION, "x-ms-date": formatdate(usegmt=True)}
        sent = HttpRequest(
            request.method,
            self._endpoint + request.path,
            headers={**request.headers, **stamp},
            content=request.body.encode("ascii") or None,
        )
        found = self._pipeline.run(sent).http_response
        headers = {name.lower(): value for name, value in found.headers.items()}
        answer = Answer(found.status_code, headers, found.content)
        if answer.status >= 300:
            raise Refused(answer)
        return answer


def _etag(write: Request, answer: Answer) -> str:
    """A write without an ETag to go on from is as good as lost; a delete has none."""
    if not answer.etag and write.method != "DELETE":
        raise Unreadable("no ETag")
    return answer.etag


def _read[A, T](parse: Callable[[A], T], answer: A) -> T:
    try:
        return parse(answer)
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise Unreadable(type(error).__name__) from error


def _row(body: bytes) -> Row:
    return row(json.loads(body))


def _page(body: bytes) -> list[Row]:
    return [row(one) for one in json.loads(body)["value"]]


def _after(headers: Mapping[str, str]) -> dict[str, str]:
    """Where the next page begins; empty where there is none."""
    names = {name: f"x-ms-continuation-{name.lower()}" for name in _NEXT}
    return {name: headers[header] for name, header in names.items() if header in headers}
