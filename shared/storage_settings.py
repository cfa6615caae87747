"""Where the tables and the host's queues are, and how the app comes in. Pure.

By connection string, or by URL and managed identity. The host's own settings count for the app too,
as the host reads them: what follows `__` in any case.
https://learn.microsoft.com/azure/azure-functions/functions-reference#connecting-to-host-storage-with-an-identity
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from urllib.parse import urlsplit

from shared.setting_reader import Reader, url

_HOST = "AzureWebJobsStorage"
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_NOT_READ = {
    f"{_HOST}__{part}".lower(): f"is not read by the app: {instead}"
    for part, instead in {
        "managedIdentityResourceId": f"name the identity by its client id, in {_HOST}__clientId",
        "clientSecret": "it comes in as a managed identity, or by a connection string",
    }.items()
}
_DEVELOPMENT_STORAGE = (
    "DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;"
    # The storage emulator's account is the same everywhere and documented by its makers.
    "AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/"
    "K1SZFPTOtr/KBHBeksoGMGw==;"
    "BlobEndpoint=http://127.0.0.1:10000/devstoreaccount1;"
    "QueueEndpoint=http://127.0.0.1:10001/devstoreaccount1;"
    "TableEndpoint=http://127.0.0.1:10002/devstoreaccount1;"
)


@dataclass(frozen=True, slots=True)
class Storage:
    """tables, queues: connection strings, or URLs to come to as an identity; no queues: ''.

    client_id: of a user-assigned identity, '' for the app's system-assigned one.
    """

    tables: str = field(repr=False)
    queues: str = field(repr=False)
    client_id: str

    @property
    def access(self) -> str:
        """How one comes to the tables: connection_string, or managed_identity."""
        return "managed_identity" if is_url(self.tables) else "connection_string"

    def told(self, place: str) -> str:
        """How one comes there, for a person."""
        if not is_url(place):
            return "by connection string"
        return f"as managed identity {self.client_id or '(system-assigned)'}"


def is_url(place: str) -> bool:
    """Whether one comes there as a managed identity; else it is a connection string."""
    return re.match(r"https?://", place, re.IGNORECASE) is not None


def read(reader: Reader, suffix: str) -> Storage:
    """What the settings say; suffix: of the cloud's endpoints. Problems are the reader's."""
    host = _Host(reader, suffix)
    name, tables = host.place("table")
    if reader.given("STORAGE"):
        name, tables = "STORAGE", _taken(reader, "STORAGE", _tables)
    elif not name:
        reader.problems.append(host.missing_tables())
    if is_url(tables):
        reader.need_managed_identity(name)
    return Storage(tables, host.place("queue")[1], host.client_id)


class _Host:
    """The host's own storage; each of its settings is read once, needed or not."""

    def __init__(self, reader: Reader, suffix: str) -> None:
        self._reader = reader
        self._suffix = suffix
        self._string = _taken(reader, _HOST, _connection_string)
        self._urls = {
            kind: self._part(f"{kind}ServiceUri", partial(_service_url, kind))
            for kind in ("blob", "queue", "table")
        }
        self._account = self._part("accountName", _account_name)
        self.client_id = self._part("clientId", _client_id)
        self._part("credential", _credential)
        self._refuse()

    def place(self, kind: str) -> tuple[str, str]:
        """The setting that says where a service is, and what it says; ('', '') where none does."""
        if self._reader.given(_HOST):
            return _HOST, self._string
        name = self._name(f"{kind}ServiceUri")
        if self._reader.given(name):
            return name, self._urls[kind]
        name = self._name("accountName")
        if self._reader.given(name):
            return name, self._account and f"https://{self._account}.{kind}.{self._suffix}"
        return "", ""

    def missing_tables(self) -> tuple[str, str]:
        """The problem that nobody says where the tables are."""
        if any(self._reader.given(self._name(f"{kind}ServiceUri")) for kind in self._urls):
            return f"{_HOST}__tableServiceUri", f"is not set, nor are {_HOST}__accountName, STORAGE"
        return _HOST, (
            f"is not set: a connection string, or {_HOST}__accountName to come in as a managed "
            "identity"
        )

    def _refuse(self) -> None:
        """What contradicts, or would be taken for something that we know."""
        problems = self._reader.problems
        places = [
            self._name(one) for one in ("accountName", *(f"{k}ServiceUri" for k in self._urls))
        ]
        if self._reader.given(_HOST):
            why = f"must not be set beside {_HOST}: a connection string or an identity, not both"
            problems += [(name, why) for name in self._reader.given(*places)]
        for name in self._reader.given(*self._reader.environment):
            if name.lower() in _NOT_READ:
                problems.append((name, _NOT_READ[name.lower()]))

    def _part(self, part: str, parse: Callable[[str], str]) -> str:
        return _taken(self._reader, self._name(part), parse)

    def _name(self, part: str) -> str:
        """The setting as it is spelled here."""
        wanted = f"{_HOST}__{part}"
        if self._reader.given(wanted):
            return wanted
        spelled = [one for one in self._reader.environment if one.lower() == wanted.lower()]
        return next(iter(self._reader.given(*spelled)), wanted)


def _taken(reader: Reader, name: str, parse: Callable[[str], str]) -> str:
    """The parsed value; '' where it is not set, or wrong."""
    if not reader.given(name):
        return ""
    found: object = reader.take(name, parse)
    return found if isinstance(found, str) else ""


def _tables(value: str) -> str:
    if is_url(value):
        return _service_url("table", value)
    try:
        return _connection_string(value)
    except ValueError:
        raise ValueError(
            "must be a storage connection string, or the URL of a table service like "
            "https://account.table.core.windows.net"
        ) from None


def _connection_string(value: str) -> str:
    """The SDK does not know the emulator's short form: spelled out here."""
    if value.strip().rstrip(";") == "UseDevelopmentStorage=true":
        return _DEVELOPMENT_STORAGE
    names = {part.partition("=")[0].strip() for part in value.split(";")}
    if "AccountName" not in names or not names & {"AccountKey", "SharedAccessSignature"}:
        raise ValueError(
            "must be a storage connection string; to come in as a managed identity, leave it out "
            f"and set {_HOST}__accountName"
        )
    return value


def _service_url(kind: str, value: str) -> str:
    """Without the slash at its end, which Azure writes; an emulator has its account as path."""
    parts = urlsplit(url(value, {"https", "http"}))
    if parts.query or parts.fragment:
        raise ValueError(
            "must have nothing behind the host; a shared access signature belongs into a "
            "connection string"
        )
    path = parts.path.rstrip("/")
    if parts.hostname not in _LOOPBACK:
        _check_azure(kind, parts.scheme, str(parts.hostname), path)
    elif path.count("/") != 1:
        raise ValueError("must have the emulator's account as its path")
    return f"{parts.scheme}://{parts.netloc}{path}"


def _check_azure(kind: str, scheme: str, host: str, path: str) -> None:
    like = f"like https://account.{kind}.core.windows.net"
    if scheme != "https":
        raise ValueError("must be https; http is for an emulator on this machine only")
    if path:
        raise ValueError(f"must have no path, {like}")
    # account.table.core.windows.net; with DNS zones account.z01.table.storage.azure.net
    if kind not in host.split(".")[1:3] or ".cosmos." in host:
        raise ValueError(f"must be the {kind} endpoint of a storage account, {like}")


def _account_name(value: str) -> str:
    if not re.fullmatch(r"[a-z0-9]{3,24}", value):
        raise ValueError("must be a storage account's name: 3 to 24 small letters and digits")
    return value


def _client_id(value: str) -> str:
    if not _GUID.fullmatch(value):
        raise ValueError(
            "must be the client id of a user-assigned identity, which is a GUID; leave it out for "
            "the system-assigned one"
        )
    return value


def _credential(value: str) -> str:
    if value.lower() != "managedidentity":
        raise ValueError("must be managedidentity: the app comes in in no other way")
    return value
