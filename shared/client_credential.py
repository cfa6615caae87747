"""How the application proves to Microsoft that it is itself: secret, certificate, or identity."""

from typing import Any

from shared.errors import OperatorFault, TryAgain
from shared.managed_identity import ManagedIdentity
from shared.settings import Settings

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
        return {"client_assertion": Assertion(settings.federated_identity_client_id)}
    return settings.client_secret


class Assertion:
    """A token of a user-assigned managed identity, which the registration trusts: no secret."""

    def __init__(self, client_id: str) -> None:
        self._identity = ManagedIdentity(client_id, _AUDIENCE)

    def __call__(self) -> str:
        """Raises TryAgain where the platform does not answer, OperatorFault where it refuses."""
        try:
            return self._identity.token()
        except TryAgain as error:
            if error.code == "identity_refused":
                fault = OperatorFault("operator_credentials", "FEDERATED_IDENTITY_CLIENT_ID")
                raise fault from None
            detail = f"managed identity, {error.detail}"
            raise TryAgain("microsoft_unavailable", detail) from None
