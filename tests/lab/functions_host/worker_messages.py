"""The few message types that the worker library builds while it indexes an app.

On Azure these are generated from a protobuf contract. The library only creates them and reads them
back, so plain objects with the same names do:
https://github.com/Azure/azure-functions-language-worker-protobuf
"""

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any


@dataclass
class BindingInfo:
    """Direction and type of one binding; the numbers are the contract's."""

    type: str = ""
    data_type: object = 0
    direction: int = 0

    out = 1
    inout = 2
    undefined = 0


@dataclass
class StatusResult:
    """How a request to the worker ended."""

    status: int = 0
    exception: Any = None

    Failure = 0
    Success = 1


@dataclass
class RpcHttpCookie:
    """One cookie of an HTTP answer; an attribute that is absent is None."""

    name: str
    value: str
    domain: Any = None
    path: Any = None
    expires: Any = None
    secure: Any = None
    http_only: Any = None
    same_site: str | None = None
    max_age: Any = None

    SameSite = SimpleNamespace(
        **{"None": None, "Lax": "lax", "Strict": "strict", "ExplicitNone": "none"}
    )


@dataclass
class Messages:
    """What the library calls `protos`."""

    BindingInfo: type = BindingInfo
    StatusResult: type = StatusResult
    RpcHttpCookie: type = RpcHttpCookie
    RpcFunctionMetadata: type = SimpleNamespace
    RpcRetryOptions: type = SimpleNamespace
    RpcException: type = SimpleNamespace
    WorkerInitResponse: type = SimpleNamespace
    WorkerMetadata: type = SimpleNamespace
    FunctionMetadataResponse: type = SimpleNamespace
    NullableString: type = SimpleNamespace
    NullableBool: type = SimpleNamespace
    NullableDouble: type = SimpleNamespace
    NullableTimestamp: type = SimpleNamespace
    Timestamp: type = SimpleNamespace


def init_request(app_folder: str, messages: Messages) -> SimpleNamespace:
    """Build the request that makes the worker import and index the app in `app_folder`."""
    init = SimpleNamespace(capabilities={}, function_app_directory=app_folder)
    return SimpleNamespace(
        request=SimpleNamespace(worker_init_request=init),
        properties={"host": "localhost", "protos": messages},
    )
