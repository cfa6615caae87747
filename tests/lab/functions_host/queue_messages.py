"""Queue messages on the wire, and as a function sees them."""

import base64
import binascii
import json
from datetime import datetime
from typing import Any

from azure.storage.queue import QueueMessage
from azure_functions_runtime.bindings.datumdef import Datum


def encode(body: bytes, *, as_base64: bool) -> str:
    """Encode a body as host.json's messageEncoding has it; raises UnicodeDecodeError for none."""
    return base64.b64encode(body).decode("ascii") if as_base64 else body.decode("utf-8")


def decode(content: str, *, as_base64: bool) -> str | None:
    """Decode a message's text; None where it is not what messageEncoding says, or not UTF-8."""
    try:
        if not as_base64:
            return content
        return base64.b64decode(content, validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return None


def bodies(datum: Datum) -> list[bytes]:
    """Split what a function put out into message bodies.

    The worker hands over text, bytes, or JSON: one message or a list of them, each a string or an
    object with a `body`.
    """
    if datum.type == "bytes":
        return [bytes(datum.value)]
    if datum.type == "string":
        return [str(datum.value).encode()]
    value = json.loads(datum.value)
    return [_body(item) for item in (value if isinstance(value, list) else [value])]


def trigger_metadata(message: QueueMessage) -> dict[str, Datum]:
    """Give what `azure.functions.QueueMessage` reads besides the body."""
    values = {
        "Id": message.id,
        "DequeueCount": str(message.dequeue_count),
        "InsertionTime": _time(message.inserted_on),
        "ExpirationTime": _time(message.expires_on),
        "NextVisibleTime": _time(message.next_visible_on),
        "PopReceipt": message.pop_receipt,
    }
    return {name: Datum(value, "string") for name, value in values.items() if value is not None}


def _body(item: Any) -> bytes:
    if isinstance(item, dict) and "body" in item:
        return str(item["body"]).encode()
    return item.encode() if isinstance(item, str) else json.dumps(item).encode()


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.strftime("%Y-%m-%dT%H:%M:%S+00:00")
