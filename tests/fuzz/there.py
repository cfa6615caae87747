"""What a lab has for the fuzz to meet: an account with mail, endpoints, and some to remove."""

import uuid
from dataclasses import dataclass

from tests.lab.lab import Lab
from tests.lab.mails import five, made_up, with_file

_SMALL_MAILS = 20
_SPARE = 3


@dataclass(frozen=True)
class There:
    """attachment: UID of its mail, which is not among `uids` and so stays where it is, and its id.

    mailbox: one that the tenant opened to the app.
    """

    account: str
    address: str
    spare_accounts: list[str]
    endpoints: list[str]
    spare_endpoints: list[str]
    webhook_ids: list[str]
    uids: list[int]
    uid_validity: int
    attachment: list[str]
    tenant: str
    mailbox: str
    url: str


def make(lab: Lab, address: str) -> There:
    """Fills the lab."""
    tenant, mailbox = str(uuid.uuid4()), f"app.{address}"
    lab.person(f"admin.{address}", "work", tid=tenant)
    lab.microsoft.consent_app(tenant)
    lab.microsoft.allow_app(mailbox)
    lab.connect(address)
    lab.mail(address, *five(address).values(), with_file(address, "See it", "a.txt", b"a"))
    lab.mail(address, *(made_up(address, f"Mail {n}") for n in range(_SMALL_MAILS)))
    account = lab.account(address)["id"]
    lab.check(address)
    lab.receiver.wait_for(1, address, "mailbox.ready")
    sent = {"to": [f"to.{address}"], "subject": "So that there is Sent"}
    lab.host.api("POST", f"accounts/{account}/messages", json=sent).raise_for_status()
    found = lab.host.api("GET", f"accounts/{account}/messages").json()
    uids = {one["subject"]: one["uid"] for one in found["messages"]}
    attachment = [str(uids.pop("With a file")), "2"]
    return There(
        account=account,
        address=address,
        spare_accounts=[_connected(lab, f"spare{n}.{address}") for n in range(_SPARE)],
        endpoints=["ep_settings", *(_endpoint(lab) for _ in range(_SPARE))],
        spare_endpoints=[_endpoint(lab) for _ in range(_SPARE)],
        webhook_ids=[one["headers"]["webhook-id"] for one in lab.receiver.received(address)],
        uids=list(uids.values()),
        uid_validity=found["uid_validity"],
        attachment=attachment,
        tenant=tenant,
        mailbox=mailbox,
        url=lab.receiver.hook_url,
    )


def _connected(lab: Lab, address: str) -> str:
    lab.connect(address)
    return str(lab.account(address)["id"])


def _endpoint(lab: Lab) -> str:
    body = {"url": lab.receiver.hook_url, "event_types": ["mail.unreadable"]}
    return str(lab.host.api("POST", "endpoints", json=body).json()["id"])
