"""The multipart message that makes one transaction of several writes, and its answer.

A batch holds one change set, and that a request for each write. The answer is built alike; where
one write fails, its answer is the only one.
https://learn.microsoft.com/rest/api/storageservices/performing-entity-group-transactions
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import uuid4

from shared.table_writes import HEADERS, Request

_MULTIPART = re.compile(r'multipart/mixed; *boundary="?([^";]+)"?', re.IGNORECASE)
_XML_CODE = re.compile(rb"<(?:m:)?code>([a-z]{1,64})</", re.IGNORECASE)
_STATUS = re.compile(r"HTTP/1\.1 (\d{3})(?: .*)?")


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; names of headers in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def etag(self) -> str:
        """'' after a delete."""
        return self.headers.get("etag", "")

    @property
    def code(self) -> str:
        """The service's word for what went wrong, '' where it is not the service that speaks.

        Who is not let in is told so in XML, whatever was asked for.
        """
        try:
            return str(json.loads(self.body)["odata.error"]["code"])
        except (ValueError, LookupError, TypeError):
            found = _XML_CODE.search(self.body)
            return found[1].decode() if found else self.headers.get("x-ms-error-code", "")


def together(requests: Sequence[Request], endpoint: str) -> Request:
    """The one request that makes all or none of the writes.

    No line of it is made of values: JSON and paths are ASCII with their line ends escaped.
    """
    batch, change_set = f"batch_{uuid4()}", f"changeset_{uuid4()}"
    parts = "".join(
        f"--{change_set}\r\nContent-Type: application/http\r\n"
        f"Content-Transfer-Encoding: binary\r\n\r\n{_message(one, endpoint)}\r\n"
        for one in requests
    )
    return Request(
        "POST",
        "/$batch",
        HEADERS
        | {"Accept": "application/json", "Content-Type": f"multipart/mixed; boundary={batch}"},
        f"--{batch}\r\nContent-Type: multipart/mixed; boundary={change_set}\r\n\r\n"
        f"{parts}--{change_set}--\r\n\r\n--{batch}--\r\n",
    )


def _message(one: Request, endpoint: str) -> str:
    headers = "".join(f"{name}: {value}\r\n" for name, value in one.headers.items())
    return f"{one.method} {endpoint}{one.path} HTTP/1.1\r\n{headers}\r\n{one.body}"


def answers(batch: Answer) -> list[Answer]:
    """The answers in the answer to `together`; raises ValueError or LookupError where it is none.

    As many as there were writes, in their order; or one, of the write that failed.
    """
    (change_set,) = _parts(batch.headers["content-type"], batch.body)
    headers, body = _head(change_set)
    return [_answer(part) for part in _parts(headers["content-type"], body)]


def _parts(content_type: str, body: bytes) -> list[bytes]:
    """https://www.rfc-editor.org/rfc/rfc2046#section-5.1.1"""
    found = _MULTIPART.fullmatch(content_type)
    if found is None:
        raise ValueError("no multipart")
    _, *parts, end = (b"\r\n" + body).split(f"\r\n--{found[1]}".encode())
    if not end.startswith(b"--") or not all(part.startswith(b"\r\n") for part in parts):
        raise ValueError("multipart without an end")
    return [part[2:] for part in parts]


def _answer(part: bytes) -> Answer:
    _, message = _head(part)
    line, _, rest = message.partition(b"\r\n")
    found = _STATUS.fullmatch(line.decode("ascii"))
    if found is None:
        raise ValueError("no status")
    return Answer(int(found[1]), *_head(rest))


def _head(message: bytes) -> tuple[dict[str, str], bytes]:
    head, end, body = message.partition(b"\r\n\r\n")
    if not end:
        raise ValueError("headers without an end")
    lines = [line.partition(":") for line in head.decode("ascii").split("\r\n")]
    return {name.lower(): value.strip() for name, _, value in lines}, body
