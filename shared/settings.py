"""The settings, read from the environment when first needed; one error names all that is wrong."""

import base64
import binascii
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from shared import clouds, storage_settings
from shared.clouds import Cloud
from shared.errors import Rejected, SettingsError
from shared.guard import Guard
from shared.setting_reader import Reader, text, url
from shared.storage_settings import Storage

if TYPE_CHECKING:  # most apps have a secret, and need no cryptography to read their settings
    from shared.client_certificate import ClientCertificate


@dataclass(frozen=True, slots=True)
class Settings:
    """What the operator chose. Units are in the names; secrets stay out of the repr."""

    client_id: str
    client_secret: str = field(repr=False)
    client_secret_expires_on: date | None
    client_certificate: "ClientCertificate | None" = field(repr=False)
    federated_identity_client_id: str
    cloud: Cloud
    authority: str
    public_base_url: str
    app_name: str
    storage: Storage
    shards: int
    shards_before: int
    encryption_keys: tuple[tuple[str, bytes], ...] = field(repr=False)
    check_interval_seconds: int
    refresh_window_minutes: int
    claim_seconds: int
    webhook_url: str = field(repr=False)
    webhook_secret: bytes = field(repr=False)
    open_connect: bool
    open_logins_limit: int
    return_urls: tuple[str, ...]
    sending: bool
    check_for: str
    mark_seen: bool
    backlog_limit: int
    max_mail_bytes: int
    event_body_limit: int
    imap_host: str
    imap_port: int
    smtp_host: str
    smtp_port: int
    access_token_key: str = field(repr=False)
    allow_private_endpoints: bool
    ca_file: str
    identity_host: str

    @property
    def scopes(self) -> tuple[str, ...]:
        """What a mailbox owner is asked for."""
        return self.cloud.scopes(sending=self.sending)

    @property
    def redirect_uri(self) -> str:
        return f"{self.public_base_url}/api/callback"

    @property
    def credential_expires_on(self) -> date | None:
        """The day on which our secret or certificate ends; None where nobody said, or none does."""
        certificate = self.client_certificate
        return certificate.expires_on if certificate else self.client_secret_expires_on

    @property
    def credential_kind(self) -> str:
        """How the application proves itself: secret, certificate, or managed_identity."""
        if self.client_certificate:
            return "certificate"
        return "managed_identity" if self.federated_identity_client_id else "secret"

    @property
    def authority_origin(self) -> str:
        parts = urlsplit(self.authority)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def authority_host(self) -> tuple[str, int]:
        """Host and port of the identity platform."""
        parts = urlsplit(self.authority)
        return str(parts.hostname), parts.port or 443

    def smtp_host_of(self, kind: str) -> str:
        """Where an account of that kind sends from."""
        default = self.cloud.personal_smtp_host if kind == "personal" else self.cloud.smtp_host
        return self.smtp_host or default

    @property
    def secure_cookies(self) -> bool:
        return self.public_base_url.startswith("https:")


def read(environment: Mapping[str, str] | None = None) -> Settings:
    """The environment's settings; raises SettingsError naming all that are missing or wrong."""
    reader = Reader(os.environ if environment is None else environment)
    private = reader.flag("ALLOW_PRIVATE_ENDPOINTS")
    cloud = _cloud(reader)
    host, port = reader.take("IMAP_HOST", _host_port, cloud.imap_host)
    smtp_host, smtp_port = reader.take("SMTP_HOST", _smtp_host_port, " ")
    secret, certificate, identity = _credential(reader)
    settings = Settings(
        client_id=reader.take("CLIENT_ID", text),
        client_secret=secret,
        client_secret_expires_on=reader.take("CLIENT_SECRET_EXPIRES_ON", _date, "none"),
        client_certificate=certificate,
        federated_identity_client_id=identity,
        cloud=cloud,
        authority=reader.take("AUTHORITY", _authority, cloud.authority),
        public_base_url=reader.take("PUBLIC_BASE_URL", _public_base_url),
        app_name=reader.take("APP_NAME", text, "Unseen"),
        storage=storage_settings.read(reader, cloud.storage_suffix),
        shards=(shards := reader.number("SHARDS", 1, 1, 64)),
        shards_before=_shards_before(reader, shards),
        encryption_keys=reader.take("ENCRYPTION_KEYS", _encryption_keys),
        check_interval_seconds=reader.number("CHECK_INTERVAL_SECONDS", 60, 30, 86_400),
        refresh_window_minutes=reader.number("REFRESH_WINDOW_MINUTES", 20, 5, 55),
        claim_seconds=reader.number("CLAIM_SECONDS", 300, 2, 3600),
        webhook_url=reader.take("WEBHOOK_URL", lambda value: _webhook_url(value, private)),
        webhook_secret=reader.take("WEBHOOK_SECRET", _webhook_secret),
        open_connect=reader.flag("OPEN_CONNECT"),
        open_logins_limit=reader.number("OPEN_LOGINS_LIMIT", 1000, 1, 100_000),
        return_urls=reader.take("RETURN_URLS", _origins, " "),
        sending=reader.flag("SENDING", default=True),
        check_for=reader.choice("CHECK_FOR", "unseen", "new"),
        mark_seen=reader.choice("MARK_SEEN", "never", "after_delivery") == "after_delivery",
        backlog_limit=reader.number("BACKLOG_LIMIT", 1000, 0, 100_000),
        max_mail_bytes=reader.number("MAX_MAIL_BYTES", 26_214_400, 65_536, 52_428_800),
        event_body_limit=reader.number("EVENT_BODY_LIMIT", 65_536, 0, 1_048_576),
        imap_host=host,
        imap_port=port,
        smtp_host=smtp_host,
        smtp_port=smtp_port,
        access_token_key=reader.take("ACCESS_TOKEN_KEY", lambda value: text(value).strip(), " "),
        allow_private_endpoints=private,
        ca_file=reader.take("SSL_CERT_FILE", lambda value: text(value).strip(), " "),
        # The platform's own: where a managed identity gets its tokens.
        identity_host=urlsplit(reader.environment.get("IDENTITY_ENDPOINT", "")).hostname or "",
    )
    if reader.problems:
        raise SettingsError(reader.problems)
    return settings


def environment(values: Mapping[str, str]) -> dict[str, str]:
    """The process's environment on top of these values, as the Functions host has it."""
    return {**values, **os.environ}


def _cloud(reader: Reader) -> Cloud:
    """The others' defaults depend on it, so that there is one also where it is wrong."""
    found = reader.take("CLOUD", clouds.named, "global")
    return found if isinstance(found, Cloud) else clouds.GLOBAL


def _credential(reader: Reader) -> tuple[str, "ClientCertificate | None", str]:
    """Secret, certificate, or the id of a managed identity: exactly one of them."""
    names = ("CLIENT_SECRET", "CLIENT_CERTIFICATE", "FEDERATED_IDENTITY_CLIENT_ID")
    given = reader.given(*names)
    for name in given[1:]:
        reader.problems.append((name, f"must not be set beside {given[0]}: one of them is enough"))
    match given[0] if given else "":
        case "CLIENT_CERTIFICATE":
            return "", reader.take("CLIENT_CERTIFICATE", _certificate), ""
        case "FEDERATED_IDENTITY_CLIENT_ID":
            reader.need_managed_identity("FEDERATED_IDENTITY_CLIENT_ID")
            return "", None, reader.take("FEDERATED_IDENTITY_CLIENT_ID", text)
        case _:
            return reader.take("CLIENT_SECRET", text), None, ""


def _certificate(value: str) -> "ClientCertificate":
    from shared import client_certificate

    return client_certificate.read(value)


def _shards_before(reader: Reader, shards: int) -> int:
    """0 where accounts are not moved."""
    if not reader.given("SHARDS_BEFORE"):
        return 0
    before = reader.number("SHARDS_BEFORE", 0, 1, 64)
    if before and before == shards:
        why = "must differ from SHARDS: it is how many there were before; leave it out otherwise"
        reader.problems.append(("SHARDS_BEFORE", why))
    return before


def _date(value: str) -> date | None:
    if value == "none":
        return None
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        raise ValueError("must be a date like 2027-01-31")
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise ValueError("is no date of the calendar") from None


def _authority(value: str) -> str:
    parts = urlsplit(url(value.rstrip("/"), {"https"}))
    if len(parts.path.split("/")) != 2 or parts.query or parts.fragment:
        raise ValueError("must look like https://login.microsoftonline.com/common")
    return parts.geturl()


def _public_base_url(value: str) -> str:
    parts = urlsplit(url(value.rstrip("/"), {"https", "http"}))
    if parts.path or parts.query or parts.fragment:
        raise ValueError("must be an origin without a path, like https://unseen.example.com")
    if parts.scheme == "http" and parts.hostname not in {"localhost", "127.0.0.1"}:
        raise ValueError("must be https; http is for localhost only")
    if parts.port == {"https": 443, "http": 80}[parts.scheme]:
        raise ValueError("must leave the default port out, as a browser's Origin does")
    return parts.geturl().lower()


def _webhook_url(value: str, private: bool) -> str:
    parts = urlsplit(url(value, {"https", "http"}))
    if parts.scheme == "http" and not private:
        raise ValueError("must be https (or set ALLOW_PRIVATE_ENDPOINTS=true for local use)")
    try:
        Guard(private).check_url(value)
    except Rejected as refused:
        raise ValueError(refused.detail.removeprefix("url ")) from None
    return value


def _webhook_secret(value: str) -> bytes:
    if not value.startswith("whsec_"):
        raise ValueError("must be whsec_ and base64 of 24 to 64 bytes; `make keys` makes one")
    return _base64(value.removeprefix("whsec_"), range(24, 65))


def _base64(value: str, lengths: range) -> bytes:
    try:
        raw = base64.b64decode(value, validate=True)
    except binascii.Error:
        raise ValueError("is not base64; `make keys` makes one") from None
    if len(raw) not in lengths:
        raise ValueError(f"has {len(raw)} bytes, which is the wrong length; `make keys` makes one")
    return raw


def _encryption_keys(value: str) -> tuple[tuple[str, bytes], ...]:
    keys = []
    for part in value.split(","):
        kid, colon, encoded = part.strip().partition(":")
        if not colon or not re.fullmatch(r"[A-Za-z0-9-]{1,32}", kid):
            raise ValueError("must be kid:base64key, newest first, separated by commas")
        keys.append((kid, _base64(encoded, range(32, 33))))
    if len({kid for kid, _ in keys}) != len(keys):
        raise ValueError("names the same key id twice")
    return tuple(keys)


def _origins(value: str) -> tuple[str, ...]:
    origins = []
    for part in re.split(r"[,\s]+", value.strip()):
        if not part:
            continue
        parts = urlsplit(url(part.rstrip("/"), {"https", "http"}))
        if parts.path or parts.query or parts.fragment:
            raise ValueError("must be origins like https://app.example.com, without a path")
        if parts.scheme == "http" and parts.hostname not in {"localhost", "127.0.0.1"}:
            raise ValueError("must be https; http is for localhost only")
        origins.append(parts.geturl().lower())
    return tuple(origins)


def _host_port(value: str, default: int = 993) -> tuple[str, int]:
    match = re.fullmatch(r"([A-Za-z0-9.-]{1,253})(?::([0-9]{1,5}))?", value)
    if not match or not 0 < int(match[2] or default) < 65_536:
        raise ValueError("must be a host name, or host:port")
    return match[1], int(match[2] or default)


def _smtp_host_port(value: str) -> tuple[str, int]:
    """No host where none is named: it then goes by the kind of account."""
    return _host_port(value, 587) if value.strip() else ("", 587)
