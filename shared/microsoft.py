"""Microsoft's identity platform: all of MSAL, which nothing else imports.

One light application object per use; the HTTP session and MSAL's HTTP cache (discovery)
are shared by the process. One token cache per account goes in and comes out as bytes.
"""

import logging
import secrets
import threading
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

import certifi
import msal
import requests
from msal.exceptions import MsalServiceError

from shared import id_token, identity_errors
from shared.errors import OperatorFault, ReconnectNeeded, Rejected, TryAgain
from shared.settings import Settings

_TIMEOUT_SECONDS = (5, 20)
_MAX_RETRY_AFTER_SECONDS = 3600
_TENANTS = {"personal": "consumers", "work": "organizations"}

# MSAL logs a token answer that is not JSON in full, and both states where they differ.
logging.getLogger("msal").setLevel(logging.CRITICAL + 1)
# It recommends form_post, which would be a cross-site POST: no SameSite=Lax cookie comes with it.
warnings.filterwarnings("ignore", message="response_mode='form_post' is recommended")


@dataclass(frozen=True, slots=True)
class Token:
    """An access token and the cache that it came with; `renewed` where Microsoft was asked."""

    access_token: str = field(repr=False)
    expires_at: datetime
    cache: bytes = field(repr=False)
    renewed: bool


@dataclass(frozen=True, slots=True)
class SignIn:
    """The outcome of an authorization code: who it is, and the first token."""

    identity: id_token.Identity
    token: Token


class Microsoft:
    """Our registered application at Microsoft; safe to share between threads."""

    def __init__(self, settings: Settings, credential: str | dict[str, Any]) -> None:
        self._settings = settings
        self._credential = credential
        self._scopes = settings.scopes
        self._session = requests.Session()
        # REQUESTS_CA_BUNDLE and proxies of the environment would override what is set here.
        self._session.trust_env = False
        self._session.verify = settings.ca_file or certifi.where()
        self._http_cache = _Discovery()
        self._issuer = ""
        self._issuer_lock = threading.Lock()

    def close(self) -> None:
        self._session.close()

    def start(self, login_hint: str = "", kind: str = "") -> tuple[str, dict[str, Any]]:
        """The URL to send the browser to, and the flow to keep (secret: it holds the verifier).

        kind: `personal` or `work` where accounts of the other are not wanted.

        Authorization code with PKCE and nonce. MSAL draws its state from a generator that is not
        meant for secrets, so it gets ours.
        """
        http = _Http(self._session)
        flow = _asked(
            http,
            lambda: self._application(
                http, authority=self._authority_of(kind)
            ).initiate_auth_code_flow(
                list(self._scopes),
                redirect_uri=self._settings.redirect_uri,
                state=secrets.token_urlsafe(32),
                prompt="select_account",
                login_hint=login_hint or None,
            ),
        )
        return str(flow["auth_uri"]), dict(flow)

    def finish(
        self, flow: Mapping[str, Any], answer: Mapping[str, str], now: datetime, kind: str = ""
    ) -> SignIn:
        """Redeems the code of the answer; kind: as the flow was started with.

        Raises Rejected where the answer or its id_token does not fit this flow, and what
        `identity_errors.translate` makes of a refusal.
        """
        http, cache = _Http(self._session), msal.SerializableTokenCache()

        def redeem() -> Mapping[str, Any]:
            try:
                result: Mapping[str, Any] = self._application(
                    http, cache, authority=self._authority_of(kind)
                ).acquire_token_by_auth_code_flow(dict(flow), dict(answer))
                return result
            except RuntimeError:
                raise Rejected("id_token_refused", "nonce") from None

        result = _asked(http, redeem)
        _raise_error(result, http)
        identity = id_token.check(
            result.get("id_token_claims") or {},
            client_id=self._settings.client_id,
            issuer=self._discovered_issuer(),
            tenant=urlsplit(self._settings.authority).path.strip("/"),
            now=now,
        )
        # A mailbox that can be read is of use also where nothing can be sent from it.
        reading = self._settings.cloud.scopes(sending=False)
        if not set(reading) <= set(self._granted(result.get("scope"))):
            raise Rejected("scopes_missing")
        return SignIn(identity, _token(result, cache, now, renewed=True))

    def token(self, cache: bytes, now: datetime, *, force: bool = False) -> Token:
        """An access token of the account whose cache this is; with `force` always a new one.

        Raises ReconnectNeeded, TryAgain or OperatorFault; the cache given is never spoilt.
        """
        http, held = _Http(self._session), msal.SerializableTokenCache()
        held.deserialize(cache.decode())

        def acquire() -> Mapping[str, Any] | None:
            application = self._application(http, held)
            accounts = application.get_accounts()
            if not accounts:
                return None
            result: Mapping[str, Any] | None = application.acquire_token_silent_with_error(
                self._scopes_of(held), account=accounts[0], force_refresh=force
            )
            return result

        result = _asked(http, acquire)
        if result is None:
            raise ReconnectNeeded("sign_in_again", "no refresh token")
        _raise_error(result, http)
        return _token(result, held, now, renewed=result.get("token_source") != "cache")

    def _scopes_of(self, held: msal.SerializableTokenCache) -> list[str]:
        """What to ask a token for: as much as its owner was asked for.

        SENDING may have been switched on since: a wish for more would end in a refusal.
        """
        stored = held.search(held.CredentialType.REFRESH_TOKEN)
        return self._granted(" ".join(one.get("target", "") for one in stored)) or [*self._scopes]

    def _granted(self, scopes: str | None) -> list[str]:
        """Of the scopes that we want, those that are named; the name's last part is what counts."""
        named = {scope.rpartition("/")[2].lower() for scope in (scopes or "").split()}
        return [one for one in self._scopes if one.rpartition("/")[2].lower() in named]

    def server_time(self) -> datetime:
        """What the platform's clock says, by the head of its answer about our authority.

        To the second. Raises TryAgain where it does not answer, OperatorFault where it knows no
        such authority.
        """
        http = _Http(self._session)
        url = f"{self._settings.authority}/v2.0/.well-known/openid-configuration"
        answer = _asked(http, lambda: http.get(url))
        if answer.status_code == requests.codes.bad_request:
            raise OperatorFault("operator_registration", "AUTHORITY")
        if not answer.ok:
            raise TryAgain("microsoft_unavailable", f"HTTP {answer.status_code}")
        return _asked(http, lambda: parsedate_to_datetime(answer.headers["Date"]))

    # In our own name

    def tenant_id(self, tenant: str) -> str:
        """The id of a tenant that is named by its domain; '' where Microsoft knows none."""
        http = _Http(self._session)
        url = f"{self._settings.authority_origin}/{tenant}/v2.0/.well-known/openid-configuration"
        found = _asked(http, lambda: http.get(url).json())
        if http.status == requests.codes.bad_request:
            return ""
        if "issuer" not in found:
            raise TryAgain("microsoft_unavailable", f"HTTP {http.status}")
        return urlsplit(str(found["issuer"])).path.split("/")[1].lower()

    def app_token(self, tid: str, cache: bytes, now: datetime) -> Token:
        """An access token of the application for a tenant: the cache's, or where it has none, new.

        Raises what `identity_errors.translate` makes of a refusal.
        """
        http, held = _Http(self._session), msal.SerializableTokenCache()
        held.deserialize(cache.decode())

        def acquire() -> Mapping[str, Any]:
            application = self._application(http, held, f"{self._settings.authority_origin}/{tid}")
            result: Mapping[str, Any] = application.acquire_token_for_client(
                [self._settings.cloud.app_scope]
            )
            return result

        result = _asked(http, acquire)
        _raise_error(result, http)
        return _token(result, held, now, renewed=result.get("token_source") != "cache")

    def admin_consent_url(self, tid: str, state: str) -> str:
        """Where an administrator of the tenant consents to the application's own permissions."""
        asked = {
            "client_id": self._settings.client_id,
            "redirect_uri": self._settings.redirect_uri,
            "state": state,
            "scope": self._settings.cloud.app_scope,
        }
        return f"{self._settings.authority_origin}/{tid}/v2.0/adminconsent?{urlencode(asked)}"

    def _authority_of(self, kind: str) -> str:
        """Where only that kind of account signs in; an authority that chooses already stays."""
        tenant = _TENANTS.get(kind, "")
        if not tenant or urlsplit(self._settings.authority).path != "/common":
            return self._settings.authority
        return f"{self._settings.authority_origin}/{tenant}"

    def _application(
        self,
        http: "_Http",
        cache: msal.SerializableTokenCache | None = None,
        authority: str = "",
    ) -> msal.ConfidentialClientApplication:
        try:
            return msal.ConfidentialClientApplication(
                self._settings.client_id,
                client_credential=self._credential,
                authority=authority or self._settings.authority,
                instance_discovery=False,
                token_cache=cache,
                http_client=http,
                http_cache=self._http_cache,
            )
        except ValueError as error:
            if http.status == 400:  # discovery knows no such tenant
                raise OperatorFault("operator_registration", "AUTHORITY") from error
            raise

    def _discovered_issuer(self) -> str:
        """The issuer's template: China's, for one, is on another host than its login page."""
        with self._issuer_lock:
            if not self._issuer:
                http = _Http(self._session)
                url = f"{self._settings.authority}/v2.0/.well-known/openid-configuration"
                self._issuer = str(_asked(http, lambda: http.get(url).json()["issuer"]))
            return self._issuer


class _Discovery(dict[str, Any]):
    """MSAL's HTTP cache: of answers, only those to a GET are kept.

    MSAL would answer a repeated request by itself, for a minute after a refusal: also once the
    fault is mended. And it takes all codes for one account's, so that a 429 to one login would hold
    up everybody's. When Microsoft may be asked again is in the token's row, for all processes.
    """

    def __setitem__(self, key: str, value: Any) -> None:
        if not key.startswith("POST "):
            super().__setitem__(key, value)


class _Http:
    """MSAL's HTTP client for one use: adds time limits and remembers how the last answer was."""

    def __init__(self, session: requests.Session) -> None:
        self._session = session
        self.status = 0
        self.retry_after_seconds: float | None = None

    def get(self, url: str, **options: Any) -> requests.Response:
        response = self._note(self._session.get(url, **self._limited(options)))
        if response.ok and "token_endpoint" not in response.json():
            # MSAL keeps what it was answered about the authority for a day, sense or nonsense.
            raise ValueError("not a discovery document")
        return response

    def post(self, url: str, **options: Any) -> requests.Response:
        return self._note(self._session.post(url, **self._limited(options)))

    def close(self) -> None:
        """MSAL may close its client; the session behind this one is shared."""

    def _limited(self, options: dict[str, Any]) -> dict[str, Any]:
        return {"timeout": _TIMEOUT_SECONDS, "allow_redirects": False} | options

    def _note(self, response: requests.Response) -> requests.Response:
        self.status = response.status_code
        value = response.headers.get("Retry-After", "")
        self.retry_after_seconds = None
        if value.isdecimal() and len(value) < 8:
            self.retry_after_seconds = min(float(value), _MAX_RETRY_AFTER_SECONDS)
        return response


def _asked[T](http: _Http, ask: Callable[[], T]) -> T:
    """Runs a request; what MSAL raises for it holds texts from outside and is left behind."""
    try:
        return ask()
    except (requests.RequestException, MsalServiceError, ValueError, KeyError) as error:
        detail = f"HTTP {http.status}" if http.status else type(error).__name__
    raise TryAgain(
        "microsoft_unavailable", detail, retry_after_seconds=http.retry_after_seconds
    ) from None


def _raise_error(result: Mapping[str, Any], http: _Http) -> None:
    if "access_token" in result:
        return
    raise identity_errors.translate(
        str(result.get("error", "")),
        str(result.get("error_description", "")),
        status=http.status,
        retry_after_seconds=http.retry_after_seconds,
    )


def _token(
    result: Mapping[str, Any], cache: msal.SerializableTokenCache, now: datetime, *, renewed: bool
) -> Token:
    seconds = min(int(result.get("expires_in", 0)), 86_400)
    return Token(
        access_token=str(result["access_token"]),
        expires_at=now + timedelta(seconds=seconds),
        cache=cache.serialize().encode(),
        renewed=renewed,
    )
