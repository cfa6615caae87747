"""Where webhooks go. The endpoint that WEBHOOK_URL and WEBHOOK_SECRET name has a fixed id."""

from dataclasses import dataclass, field

from shared import ids
from shared.outbox_rows import Delivery
from shared.settings import Settings


@dataclass(frozen=True, slots=True)
class Endpoint:
    """secrets: those that sign, newest first; two while one is being rotated."""

    id: str
    url: str = field(repr=False)
    secrets: tuple[bytes, ...] = field(repr=False)


class Endpoints:
    """The endpoints there are, by id."""

    def __init__(self, settings: Settings) -> None:
        own = Endpoint(ids.SETTINGS_ENDPOINT, settings.webhook_url, (settings.webhook_secret,))
        self._by_id = {own.id: own}

    def get(self, endpoint_id: str) -> Endpoint | None:
        return self._by_id.get(endpoint_id)

    def owed(self, now: str) -> dict[str, Delivery]:
        """The map of a new event: who shall have it, the first attempt due at once."""
        return {endpoint_id: Delivery(next=now) for endpoint_id in self._by_id}
