"""How the application proves to Microsoft that it is itself: secret, certificate, or identity."""

import threading
from typing import Any

import msal
import requests

from shared.errors import OperatorFault, TryAgain
from shared.settings import Settings

_TIMEOUT_SECONDS = (3, 10)
# Fixed: the audience that a federated credential of a registration trusts.
# https://learn.microsoft.com/entra/workload-id/workload-identity-federation-config-app-trust-managed-identity
_AUDIENCE = "api://AzureADTokenExchange"


def of(settings: Settings) -> str | dict[str, Any]:
    """What MSAL takes as `client_credential`."""
    certificate = settings.client_certificate
    if certificate:
        # MSAL computes the thumbprint that the assertion's head carries.
        return {
            "private_key": certificate.private_key,
            "public_certificate": certificate.certificate,
        }
    if settings.federated_identity_client_id:
        return {"client_assertion": Identity(settings.federated_identity_client_id).assertion}
    return settings.client_secret


class Identity:
    """A user-assigned managed identity, which the app registration trusts; no secret at all."""

    def __init__(self, client_id: str) -> None:
        self._client = msal.ManagedIdentityClient(
            msal.UserAssignedManagedIdentity(client_id=client_id), http_client=_Http()
        )
        self._lock = threading.Lock()

    def assertion(self) -> str:
        """A token of the identity, as an assertion; the client keeps it until it expires.

        Raises TryAgain where the platform does not answer, OperatorFault where it refuses.
        """
        try:
            with self._lock:
                result = self._client.acquire_token_for_client(resource=_AUDIENCE)
        except (requests.RequestException, ValueError, KeyError) as error:
            detail = f"managed identity, {type(error).__name__}"
            raise TryAgain("microsoft_unavailable", detail) from None
        if "access_token" not in result:
            raise OperatorFault("operator_credentials", "FEDERATED_IDENTITY_CLIENT_ID")
        return str(result["access_token"])


class _Http:
    """The platform's endpoint is on this machine: no proxy, and little patience."""

    def __init__(self) -> None:
        self._session = requests.Session()
        self._session.trust_env = False

    def get(self, url: str, **options: Any) -> requests.Response:
        limited: dict[str, Any] = {"timeout": _TIMEOUT_SECONDS, "allow_redirects": False}
        response = self._session.get(url, **limited | options)
        if response.status_code == requests.codes.too_many or response.status_code >= 500:
            raise requests.HTTPError(f"HTTP {response.status_code}")
        return response

    def post(self, url: str, **options: Any) -> requests.Response:
        return self._session.post(url, **{"timeout": _TIMEOUT_SECONDS} | options)

    def close(self) -> None:
        self._session.close()
