"""The demo: the whole job on real parts, told while it runs, each sentence checked."""

import contextlib
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from . import dashboard_scene, packaged
from .errors import LabError
from .lab import Lab, start_lab
from .mails import five, made_up
from .processes import ROOT
from .receiver.client import ReceiverClient, Webhook, ids
from .standing import described, ending_by_signal
from .story import Story
from .waiting import wait_until

PERSONAL = "ada@outlook.example"
WORK = "grace@contoso.example"
_FOLDER = Path(".lab")
_BURST = 25


def main() -> int:
    """Tells the story, then stays until Ctrl-C; with ONCE in the environment it ends there.

    APP in the environment: a package, or the folder of one, that is served in place of this
    project.
    """
    once = os.environ.get("ONCE", "") not in {"", "0"}
    story = Story()
    try:
        with ending_by_signal(), _lab(story) as lab:
            tell(story, lab, _FOLDER)
            _summary(story, lab)
            if not once:
                print("\nThe lab stays until Ctrl-C. From another shell:")
                print(f"  .venv/bin/python -m tests.lab mail {PERSONAL} --count 3", flush=True)
                with contextlib.suppress(KeyboardInterrupt):
                    described(lab, _FOLDER, show=False)
    except (LabError, AssertionError) as error:
        print(f"\n{error}\nThe log of the app: {_FOLDER}/host.log", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


@contextlib.contextmanager
def _lab(story: Story) -> Iterator[Lab]:
    story.chapter("Starting Azurite, NotMicrosoft, Dovecot, a webhook receiver and the app")
    place = os.environ.get("APP", "")
    app = packaged.app_folder(Path(place), _FOLDER) if place else ROOT
    lab = start_lab(_FOLDER.resolve(), beat_seconds=1, app=app)
    try:
        health = lab.host.api("GET", "health").json()
        story.check(health["status"] == "ok", "the app is healthy", lab.host.base_url)
        if place:
            story.say(f"it is the package {place}, on the dependencies that it brings")
        yield lab
    finally:
        lab.close()


def tell(story: Story, lab: Lab, folder: Path) -> None:
    """The whole story; `folder` takes the picture of its scene in the dashboard."""
    _connect(story, lab)
    _five_mails(story, lab)
    _expiry(story, lab)
    dashboard_scene.tell(story, lab, folder)
    _kill(story, lab)
    _all_in_order(story, lab)


def _connect(story: Story, lab: Lab) -> None:
    story.chapter("Two people connect their mailboxes: our page, Microsoft's, consent, and back")
    for address, kind in ((PERSONAL, "personal"), (WORK, "work")):
        page = lab.connect(address, kind)
        story.check(page.status == 200, f"{address} ({kind} account)", page.title)
    for address in (PERSONAL, WORK):
        webhook = lab.receiver.wait_for(1, address, "account.connected")[0]
        _show(story, webhook)
        lab.receiver.wait_for(1, address, "mailbox.ready")


def _five_mails(story: Story, lab: Lab) -> None:
    story.chapter("Five mails arrive, each with something that makes mail hard")
    seen: set[str] = set()
    for number, (word, raw) in enumerate(five(PERSONAL).items(), start=1):
        sent_at = time.monotonic()
        lab.mail(PERSONAL, raw)
        webhooks = lab.receiver.wait_for(number, PERSONAL)
        seconds = time.monotonic() - sent_at
        webhook = next(one for one in webhooks if not ids([one]) & seen)
        seen |= ids([webhook])
        _show(story, webhook, f"{word}, {seconds:.1f} s after it arrived")
    flags = lab.dovecot.flags(PERSONAL)
    unseen = sum("\\Seen" not in one for one in flags.values())
    story.check(unseen == len(flags) == 5, "all five are still unread in the mailbox")


def _expiry(story: Story, lab: Lab) -> None:
    story.chapter("An access token expires; Microsoft replaces the refresh token as it is used")
    before = lab.microsoft.current_refresh_fingerprint(PERSONAL)
    story.say(f"refresh token before: fingerprint {before}")
    lab.microsoft.expire_access_tokens(PERSONAL)
    lab.mail(PERSONAL, made_up(PERSONAL, "After the token expired"))
    webhook = _with_subject(lab.receiver, PERSONAL, "After the token expired")
    after = lab.microsoft.current_refresh_fingerprint(PERSONAL)
    used = [one["refresh_in"] for one in lab.microsoft.records(PERSONAL) if one["refresh_in"]]
    story.say(f"refresh token after:  fingerprint {after}")
    story.check(before in used and after != before, "refreshed with the old one, the new one kept")
    _show(story, webhook)


def _kill(story: Story, lab: Lab) -> None:
    story.chapter(f"{2 * _BURST} mails arrive and the host is killed (SIGKILL) in the middle")
    subjects = [f"Burst {number}" for number in range(1, _BURST + 1)]
    known = {address: ids(lab.receiver.received(address, "mail.received")) for address in _BOTH}
    # Slow answers, so that the kill meets deliveries under way.
    lab.receiver.answer({"seconds": 0.15})
    for subject in subjects:
        for address in _BOTH:
            lab.mail(address, made_up(address, subject))

    def under_way() -> bool:
        return _new(lab, known) >= 5

    wait_until(under_way, 20, "the first webhooks of the burst")
    lab.host.kill()
    story.say(f"killed after {_new(lab, known)} of {2 * _BURST} webhooks")
    lab.host.start()
    lab.receiver.answer()
    story.say("started again")
    for address in _BOTH:
        lab.receiver.wait_for(len(known[address]) + _BURST, address, seconds=40)
    for address in _BOTH:
        came = [
            one
            for one in lab.receiver.received(address, "mail.received")
            if not ids([one]) & known[address]
        ]
        by_id = Counter(one["headers"]["webhook-id"] for one in came)
        told = Counter(one["body"]["data"]["subject"] for one in came)
        twice = sum(count - 1 for count in by_id.values())
        story.check(
            set(told) == set(subjects) and len(by_id) == _BURST,
            f"every mail of {address} arrived under one id",
            f"{len(by_id)} ids, {twice} sent again with the same id",
        )


_BOTH = (PERSONAL, WORK)


def _new(lab: Lab, known: dict[str, set[str]]) -> int:
    return sum(
        len(ids(lab.receiver.received(address, "mail.received")) - known[address])
        for address in _BOTH
    )


def _all_in_order(story: Story, lab: Lab) -> None:
    story.chapter("In the end")
    webhooks = lab.receiver.received()
    story.check(
        all(one["verified"] for one in webhooks),
        "every signature was verified with the library of Standard Webhooks",
        f"{len(webhooks)} webhooks",
    )

    def left() -> list[dict[str, Any]]:
        return [row for row in lab.rows("mailboxes") if row["RowKey"].startswith("owed:")]

    wait_until(lambda: not left(), 30, "nothing is owed")
    story.check(not left(), "nothing is owed any more")
    for address in _BOTH:
        account = lab.account(address)
        story.check(account["status"] == "active", f"{address} is", account["status"])


def _with_subject(receiver: ReceiverClient, address: str, subject: str) -> Webhook:
    def found() -> list[Webhook]:
        came = receiver.received(address, "mail.received")
        return [one for one in came if one["body"]["data"]["subject"] == subject]

    return wait_until(found, 20, f"the webhook of {subject!r}")[0]


def _show(story: Story, webhook: Webhook, about: str = "") -> None:
    body, headers = webhook["body"], webhook["headers"]
    data = body["data"]
    story.check(
        webhook["verified"], f"{body['type']} verified", f"{headers['webhook-id'][:16]}… {about}"
    )
    for line in _details(data):
        story.say(f"    {line}")


def _details(data: dict[str, Any]) -> Iterator[str]:
    if "subject" not in data:
        return
    sender = (data["from"] or [{}])[0]
    yield f"{data['subject']}  from {sender.get('name') or ''} <{sender.get('address')}>"
    text = " ".join((data.get("reply_text") or data.get("text") or "").split())
    if text:
        yield f"“{text[:70]}”"
    for attachment in data.get("attachments") or []:
        name = attachment["filename"] or attachment["content_type"]
        yield f"attachment {name}, {attachment['size']} bytes"
    if data.get("in_reply_to"):
        yield f"in reply to {data['in_reply_to'][:40]}"
    if data.get("bounce"):
        yield f"bounce: {data['bounce']['recipient']} {data['bounce']['status']}"


def _summary(story: Story, lab: Lab) -> None:
    kinds = Counter(one["body"]["type"] for one in lab.receiver.received())
    story.chapter("What was seen")
    rows: Sequence[tuple[str, str]] = [
        *((kind, str(count)) for kind, count in sorted(kinds.items())),
        ("sentences checked", str(len(story.checked))),
    ]
    for name, value in rows:
        story.say(f"{name:<22}{value:>4}")
    print(
        f"""
Try it by hand (NotMicrosoft's certificate is the lab's own: your browser will ask):
  Connect a mailbox   {lab.login_url}
  Webhooks so far     {lab.receiver.received_url}
  Dashboard           {lab.dashboard_url}
    its key           {lab.host.function_key}
  Health              {lab.host.base_url}/api/health""",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
