"""A web application whose users connect their Outlook mailbox and read its unseen mail."""

import logging
from pathlib import Path
from typing import Annotated, Any, Literal

import requests
from fastapi import Depends, FastAPI, Request, Response
from fastapi.responses import RedirectResponse
from fastapi.staticfiles import StaticFiles
from fastapi.templating import Jinja2Templates
from starlette.middleware.sessions import SessionMiddleware

from unseen import SETTINGS, Event, Unseen, settings
from web import store

APP_URL, SESSION_SECRET, *of_unseen = settings("APP_URL", "SESSION_SECRET", *SETTINGS)
unseen = Unseen(*of_unseen)
store.make_tables()
app = FastAPI(openapi_url=None)
https_only = APP_URL.startswith("https:")
app.add_middleware(SessionMiddleware, secret_key=SESSION_SECRET, https_only=https_only)
app.mount("/static", StaticFiles(directory=Path(__file__).parent / "static"))
templates = Jinja2Templates(Path(__file__).parent / "templates")  # they escape what they show
HEADERS = {  # form-action: the button's form is answered with a redirect to Unseen
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; "
    f"form-action 'self' {unseen.url}; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


def page(request: Request, name: str, status_code: int = 200, **shown: Any) -> Response:
    shown["user"] = request.session.get("user")
    return templates.TemplateResponse(request, f"{name}.html", shown, status_code, HEADERS)


@app.get("/")
def home(request: Request) -> Response:
    user = request.session.get("user")
    if not user:
        return page(request, "sign_in")
    return page(request, "home", mailboxes=store.mailboxes(user), mails=store.mails(user))


@app.post("/connect")
def connect(request: Request) -> Response:
    user = request.session.get("user")
    if not user:
        return page(request, "sign_in", 401)
    wanted = {"reference": user, "return_url": f"{APP_URL}/connected"}
    answer = unseen.call("POST", "invitations", json=wanted)
    answer.raise_for_status()
    return RedirectResponse(answer.json()["url"], 303)


@app.get("/connected")
def connected(request: Request, result: str = "") -> Response:
    """Believes what Unseen says of `result`, nothing else in the query, and gives the mailbox
    only to who began it: another one may have followed his link."""
    answer = unseen.call("POST", "invitations/results", json={"result": result})
    if answer.status_code in {400, 404}:
        return page(request, "refused", 403, why="unknown")
    answer.raise_for_status()
    account, reference = answer.json()["account"], answer.json()["reference"]
    if reference == request.session.get("user"):
        store.give(account, reference)
        return RedirectResponse("/", 303)  # without `result`: a reload redeems nothing
    if not store.is_given(account):
        unseen.call("DELETE", f"accounts/{account['id']}").raise_for_status()
    return page(request, "refused", 403, why="somebody_else")


@app.post("/webhooks", status_code=204)
def receive(event: Annotated[Event, Depends(unseen.event)]) -> None:
    store.keep(event)  # before the 204: what is not answered with a 2xx comes again


@app.exception_handler(requests.RequestException)
def unreachable(request: Request, error: requests.RequestException) -> Response:
    told = error.response.text if error.response is not None else ""
    logging.getLogger("uvicorn.error").error("Unseen: %s %s", error, told)
    return page(request, "refused", 502, why="away")


if APP_URL.startswith("http://localhost"):  # YOUR SIGN-IN GOES HERE: this one trusts everybody

    @app.post("/sign-in/{user}")
    def sign_in(request: Request, user: Literal["ada", "grace"]) -> Response:
        request.session["user"] = user
        return RedirectResponse("/", 303)


@app.post("/sign-out")
def sign_out(request: Request) -> Response:
    request.session.clear()
    return RedirectResponse("/", 303)
