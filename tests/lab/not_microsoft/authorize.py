"""The sign-in pages: an account picker, consent, cancel; they work without script.

For a browser's test: the picker has a button `name=username` per account (its value is the
username, its id `account-<n>`) and a text field `id=other` with a button `id=other-next`; the
consent page has the buttons `id=accept` and `id=cancel`; the picker has `id=cancel` too.
"""

import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from urllib.parse import urlencode

from .people import People, Person, allowed
from .token_endpoint import RESERVED
from .tokens import CODE_SECONDS, Code, Tokens

_STYLE = """
body{margin:0;min-height:100vh;display:grid;place-items:center;background:#eef1f6;color:#1b1b1f;
font:1rem/1.5 system-ui,"Segoe UI",sans-serif}
main{background:#fff;padding:2rem;width:100%;max-width:26rem;box-shadow:0 2px 12px #0002}
h1{font-size:1.4rem;margin:.2rem 0 1rem}small{color:#666}
button{font:inherit;padding:.6rem .9rem;border:1px solid #ccd;background:#fff;cursor:pointer}
button.account{display:block;width:100%;text-align:left;margin:.4rem 0}
button#accept{background:#0067b8;border-color:#0067b8;color:#fff}
input{font:inherit;padding:.5rem;width:60%}
.row{display:flex;gap:.6rem;justify-content:flex-end;margin-top:1.2rem}
"""


@dataclass
class Asked:
    """An authorization request that is valid, kept while its pages are open."""

    tenant: str
    client_id: str
    redirect_uri: str
    state: str
    nonce: str
    challenge: str
    scopes: list[str]
    login_hint: str
    form_post: bool
    prompt: str


class Authorize:
    """The pages. Each gives (status, html, location): a page, or where to go."""

    def __init__(
        self, client_id: str, redirect_uris: list[str], people: People, tokens: Tokens
    ) -> None:
        self._client_id = client_id
        self._redirect_uris = redirect_uris
        self._people = people
        self._tokens = tokens
        self._asked: dict[str, Asked] = {}

    def begin(self, tenant: str, query: Mapping[str, str]) -> tuple[int, str, str]:
        """The picker; an unknown client or redirect URI never leads to a redirect."""
        if query.get("client_id") != self._client_id:
            return 400, _error("AADSTS700016", "Application not found."), ""
        if not self.is_registered(query.get("redirect_uri", "")):
            return 400, _error("AADSTS50011", "The redirect URI does not match."), ""
        if query.get("response_type") != "code" or not query.get("scope"):
            return 400, _error("AADSTS900144", "response_type or scope is missing."), ""
        if query.get("code_challenge_method") != "S256" or not query.get("code_challenge"):
            return 400, _error("AADSTS501491", "PKCE with S256 is required."), ""
        asked = Asked(
            tenant=tenant,
            client_id=query["client_id"],
            redirect_uri=query["redirect_uri"],
            state=query.get("state", ""),
            nonce=query.get("nonce", ""),
            challenge=query["code_challenge"],
            scopes=[scope for scope in query["scope"].split() if scope not in RESERVED],
            login_hint=query.get("login_hint", ""),
            form_post=query.get("response_mode") == "form_post",
            prompt=query.get("prompt", ""),
        )
        key = secrets.token_urlsafe(16)
        self._asked[key] = asked
        return 200, self._picker(key, asked), ""

    def step(self, form: Mapping[str, str]) -> tuple[int, str, str]:
        """What a button of the pages leads to."""
        key = form.get("flow", "")
        asked = self._asked.get(key)
        if asked is None:
            return 400, _error("AADSTS50058", "This page is not open any more."), ""
        if form.get("action") == "cancel":
            return self._back(
                key,
                asked,
                {
                    "error": "access_denied",
                    "error_description": "AADSTS65004: User declined to consent.",
                },
            )
        person = self._people.get(form.get("username") or form.get("other") or "")
        if person is None:
            return 400, _error("AADSTS50034", "This account does not exist."), ""
        if not allowed(person, asked.tenant):
            return 400, _error("AADSTS50020", "This account can't be used here."), ""
        if form.get("action") == "accept":
            person.consented = True
        if not person.consented or asked.prompt == "consent":
            return 200, self._consent(key, asked, person), ""
        return self._back(key, asked, {"code": self._code(asked, person)})

    def _code(self, asked: Asked, person: Person) -> str:
        return self._tokens.code(
            Code(
                person=person,
                client_id=asked.client_id,
                redirect_uri=asked.redirect_uri,
                challenge=asked.challenge,
                nonce=asked.nonce,
                scopes=asked.scopes,
                tenant=asked.tenant,
                expires_at=time.time() + CODE_SECONDS,
            )
        )

    def _back(self, key: str, asked: Asked, answer: dict[str, str]) -> tuple[int, str, str]:
        del self._asked[key]
        answer |= {"state": asked.state}
        if not asked.form_post:
            return 302, "", f"{asked.redirect_uri}?{urlencode(answer)}"
        fields = "".join(_hidden(name, value) for name, value in answer.items())
        action = escape(asked.redirect_uri)
        page = f'<form method="post" action="{action}">{fields}<button>Continue</button></form>'
        return 200, _page("Continue", page), ""

    def is_registered(self, redirect_uri: str) -> bool:
        """The registered URI to the letter; for http://localhost any port matches."""
        return _without_local_port(redirect_uri) in map(_without_local_port, self._redirect_uris)

    def _picker(self, key: str, asked: Asked) -> str:
        people = self._people.of_tenant(asked.tenant)
        hinted = self._people.get(asked.login_hint) if asked.login_hint else None
        buttons = "".join(
            f'<button class="account" id="account-{number}" name="username" '
            f'value="{escape(person.username)}">{escape(person.username)}<br>'
            f"<small>{'personal' if person.personal else 'work or school'} account</small></button>"
            for number, person in enumerate([hinted] if hinted else people)
        )
        other = (
            '<p><input id="other" name="other" placeholder="Another account">'
            '<button id="other-next">Next</button></p>'
        )
        cancel = '<div class="row"><button id="cancel" name="action" value="cancel">Cancel</button>'
        return _form(key, "Pick an account", buttons + other + cancel + "</div>")

    def _consent(self, key: str, asked: Asked, person: Person) -> str:
        scopes = "".join(f"<li>{escape(scope)}</li>" for scope in asked.scopes)
        body = (
            f"<p>{escape(person.username)}</p><p>This app would like to:</p><ul>{scopes}</ul>"
            + _hidden("username", person.username)
            + '<div class="row"><button id="cancel" name="action" value="cancel">Cancel</button>'
            '<button id="accept" name="action" value="accept">Accept</button></div>'
        )
        return _form(key, "Permissions requested", body)


def _form(key: str, title: str, body: str) -> str:
    form = f'<form method="post" action="/sign-in">{_hidden("flow", key)}{body}</form>'
    return _page(title, form)


def _hidden(name: str, value: str) -> str:
    return f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'


def _error(code: str, text: str) -> str:
    return _page("Sorry, but we\u2019re having trouble signing you in", f"<p>{code}: {text}</p>")


def _page(title: str, body: str) -> str:
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{_STYLE}</style></head><body><main><small>NotMicrosoft</small>"
        f"<h1>{title}</h1>{body}</main></body></html>"
    )


def _without_local_port(uri: str) -> str:
    return re.sub(r"\Ahttp://localhost:\d+/", "http://localhost/", uri)
