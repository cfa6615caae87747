"""How requests to the table service say who sends them: key, signature, or managed identity.

https://learn.microsoft.com/rest/api/storageservices/authorize-requests-to-azure-storage
"""

import base64
import hmac
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from azure.core.credentials import AzureNamedKeyCredential, AzureSasCredential
from azure.core.pipeline import PipelineRequest, PipelineResponse
from azure.core.pipeline.policies import AzureSasCredentialPolicy, HTTPPolicy, SansIOHTTPPolicy
from azure.core.rest import HttpRequest, HttpResponse

from shared.table_transactions import Answer

# Gives a token; called with the one that was refused, another.
type Token = Callable[[str], str]
type Policy = SansIOHTTPPolicy[HttpRequest, HttpResponse] | HTTPPolicy[HttpRequest, HttpResponse]


def of(place: str, token: Token | None) -> tuple[str, Policy]:
    """The service's endpoint, and what puts the proof into each request.

    place: with `token` the endpoint's URL, else a connection string.
    """
    if token:
        return place, _Bearer(token)
    from azure.data.tables import TableServiceClient

    with TableServiceClient.from_connection_string(place) as service:
        return service.url, _signing(service.credential)


def _signing(credential: Any) -> Policy:
    if isinstance(credential, AzureSasCredential):
        return AzureSasCredentialPolicy(credential)
    return _SharedKey(credential)


class _SharedKey(SansIOHTTPPolicy[HttpRequest, HttpResponse]):
    """https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key"""

    def __init__(self, credential: AzureNamedKeyCredential) -> None:
        self._name, key = credential.named_key
        self._key = base64.b64decode(key)

    def on_request(self, request: PipelineRequest[HttpRequest]) -> None:
        sent = request.http_request
        headers = sent.headers
        resource = f"/{self._name}{urlsplit(sent.url).path}"
        lines = (sent.method, "", headers.get("Content-Type", ""), headers["x-ms-date"], resource)
        digest = hmac.digest(self._key, "\n".join(lines).encode(), "sha256")
        signature = base64.b64encode(digest).decode()
        headers["Authorization"] = f"SharedKey {self._name}:{signature}"


class _Bearer(HTTPPolicy[HttpRequest, HttpResponse]):
    """https://learn.microsoft.com/rest/api/storageservices/authorize-with-azure-active-directory"""

    def __init__(self, token: Token) -> None:
        super().__init__()
        self._token = token

    def send(
        self, request: PipelineRequest[HttpRequest]
    ) -> PipelineResponse[HttpRequest, HttpResponse]:
        """Once more with another token where this one was refused, and there is another."""
        token = self._token("")
        response = self._sent(request, token)
        if _is_refused(response.http_response):
            other = self._token(token)
            if other != token:
                return self._sent(request, other)
        return response

    def _sent(
        self, request: PipelineRequest[HttpRequest], token: str
    ) -> PipelineResponse[HttpRequest, HttpResponse]:
        request.http_request.headers["Authorization"] = f"Bearer {token}"
        return self.next.send(request)


def _is_refused(response: HttpResponse) -> bool:
    """Whether the token was not believed; a role that is missing is another matter."""
    status = response.status_code
    if status == 403:
        return Answer(status, {}, response.content).code == "AuthenticationFailed"
    return status == 401
