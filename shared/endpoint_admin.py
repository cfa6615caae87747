"""The operator's view of endpoints: make, change, rotate, test, remove."""

import html
import secrets as random_secrets
from dataclasses import replace
from datetime import timedelta
from typing import Any

from shared import endpoint_forms, events, ids, instants
from shared.accounts import Accounts
from shared.circuit import Circuit
from shared.endpoints import Endpoint, Endpoints, Secret
from shared.errors import Rejected
from shared.guard import Guard
from shared.outbox_rows import Event
from shared.webhooks import Sender, secret_text

_SECRET_BYTES = 32
_MAX_OVERLAP = timedelta(days=7)
_OVERLAP = timedelta(hours=24)
_MAX_ENDPOINTS = 100
_MAX_OLD_SECRETS = 5


class EndpointAdmin:
    """What the API does with endpoints; answers are JSON."""

    def __init__(
        self,
        endpoints: Endpoints,
        accounts: Accounts,
        sender: Sender,
        guard: Guard,
        clock: instants.Clock,
    ) -> None:
        self._endpoints = endpoints
        self._accounts = accounts
        self._sender = sender
        self._guard = guard
        self._now = clock

    def page(self) -> dict[str, Any]:
        """All endpoints; there are few."""
        found = sorted(self._endpoints.all().values(), key=lambda one: one.created_at)
        return {"endpoints": [endpoint_forms.view(one, self._now()) for one in found]}

    def show(self, endpoint_id: str) -> dict[str, Any]:
        return endpoint_forms.view(self._known(endpoint_id), self._now())

    def create(self, body: Any) -> dict[str, Any]:
        """Makes an endpoint; its secret is in this answer and in no other."""
        fields = endpoint_forms.read(body, self._guard)
        if not fields.get("url"):
            raise Rejected("field_invalid", "url")
        if len(self._endpoints.all()) > _MAX_ENDPOINTS:
            raise Rejected("too_many_endpoints", status=409)
        now = self._now()
        key = random_secrets.token_bytes(_SECRET_BYTES)
        new = Endpoint(
            id=ids.endpoint_id(),
            url=fields["url"],
            secrets=(Secret(key),),
            created_at=instants.text(now),
        )
        new = replace(new, **endpoint_forms.paused(fields, new, now))
        self._endpoints.insert(new)
        return endpoint_forms.view(new, now) | {"secret": secret_text(key)}

    def change(self, endpoint_id: str, body: Any) -> dict[str, Any]:
        """Changes what is given; enabling goes on with what waited."""
        before = self._known(endpoint_id)
        fields = endpoint_forms.read(body, self._guard, of_settings=before.is_of_settings)
        now = self._now()

        def changed(row: Endpoint) -> Endpoint:
            wanted = replace(row, **endpoint_forms.paused(dict(fields), row, now))
            moved = wanted.url != row.url or (row.disabled and not wanted.disabled)
            return replace(wanted, circuit=Circuit()) if moved else wanted

        after = self._endpoints.change(endpoint_id, changed)
        if before.disabled and not after.disabled:
            self._accounts.attempt_what_is_owed(now)
        return endpoint_forms.view(after, now)

    def delete(self, endpoint_id: str) -> None:
        """Removes the endpoint; what it was owed ends with it."""
        if self._known(endpoint_id).is_of_settings:
            raise Rejected("endpoint_of_settings", status=409)
        self._endpoints.delete(endpoint_id)
        self._accounts.attempt_what_is_owed(self._now())

    def rotate(self, endpoint_id: str, body: Any) -> dict[str, Any]:
        """A new secret; the old one signs beside it for `overlap_seconds` (a day).

        So does one that an earlier rotation replaced, up to the end that it was given; with an
        overlap of 0 the new one signs alone at once.
        """
        if self._known(endpoint_id).is_of_settings:
            raise Rejected("endpoint_of_settings", status=409)
        overlap = _overlap(body)
        now = self._now()
        key = random_secrets.token_bytes(_SECRET_BYTES)
        until = instants.text(now + overlap)

        def rotated(row: Endpoint) -> Endpoint:
            if not overlap:
                return replace(row, secrets=(Secret(key),))
            at = instants.text(now)
            old = [replace(one, until=one.until or until) for one in row.secrets]
            old = [one for one in old if one.until > at]
            if len(old) > _MAX_OLD_SECRETS:
                raise Rejected("too_many_secrets", status=409)
            return replace(row, secrets=(Secret(key), *old))

        after = self._endpoints.change(endpoint_id, rotated)
        return endpoint_forms.view(after, now) | {"secret": secret_text(key), "old_until": until}

    def test(self, endpoint_id: str) -> dict[str, Any]:
        """Sends `endpoint.test` now and gives what came back; nothing is stored."""
        endpoint = self._known(endpoint_id)
        now = self._now()
        event = Event(
            webhook_id=ids.event_webhook_id("test", endpoint.id, random_secrets.token_hex(8)),
            type=events.ENDPOINT_TEST,
            recorded_at=instants.text(now),
            envelope={},
            endpoints={},
        )
        about = {"endpoint": {"id": endpoint.id, "description": endpoint.description}}
        answer = self._sender.post(
            endpoint.url,
            endpoint.signing(now),
            event.webhook_id,
            events.body(event, about),
            now,
            headers=endpoint.headers,
        )
        return {
            "webhook_id": event.webhook_id,
            "delivered": answer.delivered,
            "status": answer.status,
            "reason": answer.reason,
            "seconds": round(answer.seconds, 3),
            "answer": html.escape(answer.beginning),
        }

    def _known(self, endpoint_id: str) -> Endpoint:
        found = self._endpoints.get(endpoint_id) if ids.ENDPOINT_ID.match(endpoint_id) else None
        if found is None:
            raise Rejected("endpoint_unknown", status=404)
        return found


def _overlap(body: Any) -> timedelta:
    if body is not None and (not isinstance(body, dict) or set(body) - {"overlap_seconds"}):
        raise Rejected("field_invalid", "body")
    seconds = (body or {}).get("overlap_seconds", _OVERLAP.total_seconds())
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise Rejected("field_invalid", "overlap_seconds")
    if not 0 <= seconds <= _MAX_OVERLAP.total_seconds():
        raise Rejected("field_invalid", "overlap_seconds")
    return timedelta(seconds=seconds)
