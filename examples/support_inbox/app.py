"""A support inbox that answers what it knows, once, and leaves the rest unread for people."""

import logging
import os
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import requests
from fastapi import Depends, FastAPI, HTTPException, Request, Response

from unseen import SETTINGS, Event, Unseen, settings

ANSWERS = {  # YOUR PART. The same mail has to get the same answer: its key is bound to the text.
    "invoice": "Hello,\n\nyour invoices are in your account, under Billing.\n\nThe support desk\n",
    "opening hours": "Hello,\n\nwe are there from 9 to 17 on weekdays.\n\nThe support desk\n",
}
ROBOTS = {"mailer-daemon", "postmaster", "no-reply", "noreply", "donotreply", "do-not-reply"}
MOST_A_DAY = 3  # answers to one address: the end of a loop that no header gives away
# An Idempotency-Key is good for a day from its first use, and a webhook may come for three.
MOST_HOURS_OLD = 20

unseen = Unseen(*settings(*SETTINGS))
database = os.environ.get("DATABASE", "support_inbox.sqlite")
log = logging.getLogger("uvicorn.error")
app = FastAPI(openapi_url=None)


@app.post("/webhooks", status_code=204)
def receive(event: Annotated[Event, Depends(unseen.event)]) -> None:
    if event.type == "mail.received" and is_for_us(event.data):
        to, text = addressee(event.data), known_answer(event.data)
        if to and text and may_answer(event.id, to):
            answer(event, to, text)


def is_for_us(mail: dict[str, Any]) -> bool:
    """Whether a person wrote it, lately (RFC 3834: what answers by itself answers no other)."""
    if "content" in mail or mail["auto_submitted"] not in {None, "no"}:
        return False  # moved or deleted before it could be read; a program's
    if mail["bounce"] or mail["list_id"]:
        return False
    received = datetime.fromisoformat(mail["received_at"])
    return datetime.now(UTC) - received < timedelta(hours=MOST_HOURS_OLD)


def addressee(mail: dict[str, Any]) -> str:
    """Whom to answer; '' for ourselves and for robots."""
    writers = {one["address"].lower() for one in mail["from"] + mail["reply_to"] if one["address"]}
    names = {one.partition("@")[0] for one in writers}
    if names & ROBOTS or mail["account"]["address"].lower() in writers:
        return ""
    return next((one["address"] for one in mail["reply_to"] or mail["from"]), None) or ""


def known_answer(mail: dict[str, Any]) -> str:
    asked = f"{mail['subject']} {mail['reply_text'] or mail['text']}".lower()
    return next((text for words, text in ANSWERS.items() if words in asked), "")


def may_answer(webhook_id: str, address: str) -> bool:
    """Counted before it is sent, and once for each mail, so that a kill makes no more of it."""
    now = datetime.now(UTC)
    with closing(sqlite3.connect(database)) as db, db:
        db.execute("CREATE TABLE IF NOT EXISTS answers (webhook_id PRIMARY KEY, address, at)")
        row = (webhook_id, address.lower(), now.isoformat())
        db.execute("INSERT OR IGNORE INTO answers VALUES (?, ?, ?)", row)
        db.execute("DELETE FROM answers WHERE at < ?", ((now - timedelta(days=1)).isoformat(),))
        first = db.execute(
            "SELECT webhook_id FROM answers WHERE address = ? ORDER BY rowid LIMIT ?",
            (address.lower(), MOST_A_DAY),
        )
        return (webhook_id,) in first.fetchall()


def answer(event: Event, to: str, text: str) -> None:
    """The webhook's id is the key: however often it comes, and whoever is killed, one mail."""
    mail, account = event.data, f"accounts/{event.data['account']['id']}"
    place = {"folder": mail["folder"], "uid_validity": mail["uid_validity"]}
    said = unseen.call(
        "POST",
        f"{account}/messages",
        headers={"Idempotency-Key": event.id},
        json=place
        | {"in_reply_to_uid": mail["uid"], "to": [to], "text": text}
        | {"headers": {"Auto-Submitted": "auto-replied"}},
    )
    if went(said):
        path = f"{account}/messages/{mail['uid']}"
        went(unseen.call("PATCH", path, params=place, json={"seen": True}))


def went(said: requests.Response) -> bool:
    """Whether it was done. What may be done later raises 503, so that the webhook comes again."""
    if said.ok:
        return True
    code = said.json().get("code") if "json" in said.headers.get("Content-Type", "") else None
    log.warning("Unseen: %s %s", said.status_code, code)
    # outcome_unknown: asked again under its key it is looked for, and never sent twice.
    if said.status_code in {401, 429} or said.status_code >= 500 or code == "outcome_unknown":
        wait = said.headers.get("Retry-After")
        raise HTTPException(503, headers={"Retry-After": wait} if wait else None)
    return False  # for good: the mail stays unread, for people


@app.exception_handler(requests.RequestException)
def unreachable(request: Request, error: requests.RequestException) -> Response:
    log.warning("Unseen: %s", error)
    return Response(status_code=503)
