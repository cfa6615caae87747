"""The token endpoint: authorization code with PKCE, refresh token, client credentials."""

import base64
import hashlib
import json
import time
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from .app_only import AppOnly
from .assertions import JWT_BEARER, Assertions, Untrusted
from .id_tokens import Signer
from .people import Person
from .records import Record, Records
from .switches import Switches
from .tokens import Tokens, fingerprint

RESERVED = {"openid", "profile", "offline_access", "email"}


class Refused(Exception):
    """An error answer: `error`, its AADSTS number, and the HTTP status."""

    def __init__(self, error: str, code: int, status: int = 400) -> None:
        super().__init__(error)
        self.error = error
        self.code = code
        self.status = status


class TokenEndpoint:
    """Answers token requests for one registered application."""

    def __init__(
        self,
        client_id: str,
        client_secret: str,
        assertions: Assertions,
        app: AppOnly,
        tokens: Tokens,
        signer: Signer,
        switches: Switches,
        records: Records,
        is_registered: Callable[[str], bool],
    ) -> None:
        self._client_id = client_id
        self._client_secret = client_secret
        self._assertions = assertions
        self._app = app
        self._tokens = tokens
        self._signer = signer
        self._switches = switches
        self._records = records
        self._is_registered = is_registered

    def username_of(self, form: Mapping[str, str]) -> str:
        """Whose request it is, as far as its code or refresh token says."""
        code = self._tokens.codes.get(form.get("code", ""))
        refresh = self._tokens.refresh.get(form.get("refresh_token", ""))
        held = code or refresh
        return held.person.username if held else ""

    def answer(
        self, tenant: str, form: Mapping[str, str], forced: Refused | None = None
    ) -> tuple[int, dict[str, Any]]:
        """Status and JSON of the answer; `forced` is the error that a test asked for."""
        record = Record(
            grant_type=form.get("grant_type", ""),
            username=self.username_of(form),
            tenant=tenant,
            client_id=form.get("client_id", ""),
            outcome="ok",
            refresh_in=fingerprint(form.get("refresh_token", "")),
        )
        self._records.add(record)
        try:
            if forced:
                raise forced
            answer = self._granted(tenant, form)
        except Refused as refused:
            record.outcome = f"{refused.error} {refused.code}"
            return refused.status, error_json(refused.error, refused.code)
        record.refresh_out = fingerprint(answer.get("refresh_token", ""))
        record.access_out = fingerprint(answer["access_token"])
        return 200, answer

    def _granted(self, tenant: str, form: Mapping[str, str]) -> dict[str, Any]:
        if form.get("client_id") != self._client_id:
            raise Refused("unauthorized_client", 700016)
        self._authenticate(tenant, form)
        match form.get("grant_type"):
            case "authorization_code":
                return self._by_code(form)
            case "refresh_token":
                return self._by_refresh(form)
            case "client_credentials":
                return self._app_only(tenant, form)
            case _:
                raise Refused("unsupported_grant_type", 70003)

    def _authenticate(self, tenant: str, form: Mapping[str, str]) -> None:
        """By secret or by assertion, and not by both."""
        if "client_assertion" not in form:
            if form.get("client_secret") != self._client_secret:
                raise Refused("invalid_client", 7000215, 401)
            return
        if form.get("client_assertion_type") != JWT_BEARER or "client_secret" in form:
            raise Refused("invalid_request", 900144)
        try:
            self._assertions.check(form["client_assertion"], self._signer.token_url(tenant))
        except Untrusted as untrusted:
            raise Refused("invalid_client", untrusted.code, 401) from None

    def _by_code(self, form: Mapping[str, str]) -> dict[str, Any]:
        if not self._is_registered(form.get("redirect_uri", "")):
            raise Refused("invalid_client", 50011)
        code = self._tokens.codes.get(form.get("code", ""))
        if code is None or code.expires_at < time.time():
            raise Refused("invalid_grant", 70008)
        if code.redeemed:
            raise Refused("invalid_grant", 54005)
        if form.get("redirect_uri") != code.redirect_uri:
            raise Refused("invalid_grant", 50011)
        verifier = form.get("code_verifier", "")
        digest = hashlib.sha256(verifier.encode()).digest()
        if base64.urlsafe_b64encode(digest).decode().rstrip("=") != code.challenge:
            raise Refused("invalid_grant", 501481)
        code.redeemed = True
        scopes = self._switches.granted_scopes
        granted = code.scopes if scopes is None else scopes
        answer = self._tokens.issue(code.person, self._client_id, granted)
        lies = self._switches.take_id_token_lies()
        return answer | self._about(code.person, form, code.nonce, lies)

    def _by_refresh(self, form: Mapping[str, str]) -> dict[str, Any]:
        held = self._tokens.refresh.get(form.get("refresh_token", ""))
        if held is None or held.client_id != self._client_id:
            raise Refused("invalid_grant", 9002313)
        if held.revoked:
            raise Refused("invalid_grant", 50173)
        if held.used and self._tokens.strict:
            raise Refused("invalid_grant", 70000)
        wanted = [s for s in form.get("scope", "").split() if s not in RESERVED]
        person = self._app.people.get(held.person.username)
        withdrawn = person is not None and not person.consented
        if withdrawn or not _names(wanted) <= _names(held.scopes):
            raise Refused("invalid_grant", 65001)
        held.used = True
        answer = self._tokens.issue(held.person, self._client_id, wanted or held.scopes)
        return answer | self._about(held.person, form, "", {"nonce": None})

    def _app_only(self, tenant: str, form: Mapping[str, str]) -> dict[str, Any]:
        if tenant in {"common", "consumers", "organizations"}:
            raise Refused("invalid_request", 9001023)
        if not form.get("scope", "").endswith("/.default"):
            raise Refused("invalid_scope", 1002012)
        tid = self._app.people.tenant(tenant)
        if tid not in self._app.consented:
            raise Refused("unauthorized_client", 700016)
        scopes = [scope for scope in form["scope"].split() if scope not in RESERVED]
        answer = self._tokens.issue(None, self._client_id, scopes)
        self._app.issued(tid, answer["access_token"], time.time() + answer["expires_in"])
        return answer

    def _about(
        self, person: Person, form: Mapping[str, str], nonce: str, lies: dict[str, Any]
    ) -> dict[str, Any]:
        about = {"id_token": self._signer.id_token(person, self._client_id, nonce, lies)}
        if form.get("client_info") == "1":
            raw = json.dumps({"uid": person.oid, "utid": person.tid}).encode()
            about["client_info"] = base64.urlsafe_b64encode(raw).decode().rstrip("=")
        return about


def _names(scopes: list[str]) -> set[str]:
    return {scope.rpartition("/")[2].lower() for scope in scopes}


def error_json(error: str, code: int) -> dict[str, Any]:
    """An error in the shape that the real platform answers."""
    trace, correlation = str(uuid.uuid4()), str(uuid.uuid4())
    stamp = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%SZ}"
    return {
        "error": error,
        "error_description": f"AADSTS{code}: {error}, as the lab was told. Trace ID: {trace} "
        f"Correlation ID: {correlation} Timestamp: {stamp}",
        "error_codes": [code],
        "timestamp": stamp,
        "trace_id": trace,
        "correlation_id": correlation,
    }
