"""The pages that a mailbox owner sees: plain HTML that works without script. Pure.

Every text is ours or escaped; nothing of a query is ever shown.
"""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

from shared.catalogue import ENTRIES

_STYLE = """
:root{color-scheme:light dark;--ink:#1b1b1f;--soft:#5b5b66;--line:#d9d9e0;--paper:#fff;
--ground:#f3f3f7;--act:#0f5fd0;--good:#137a3c;--bad:#b3261e}
@media(prefers-color-scheme:dark){:root{--ink:#ececf1;--soft:#a9a9b6;--line:#3a3a45;
--paper:#1d1d23;--ground:#121216;--act:#6ea8fe;--good:#5fd08a;--bad:#ff8a80}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;display:grid;place-items:center;padding:1.5rem;
background:var(--ground);color:var(--ink);font:1rem/1.55 system-ui,"Segoe UI",sans-serif}
main{width:100%;max-width:30rem;background:var(--paper);border:1px solid var(--line);
border-radius:14px;padding:2rem;box-shadow:0 8px 30px rgb(0 0 0/.06)}
h1{font-size:1.45rem;line-height:1.25;margin:0 0 .75rem}
p,ul{margin:.6rem 0}ul{padding-left:1.2rem}
.who{color:var(--soft);font-size:.9rem;margin:0 0 1.25rem}
.good h1{color:var(--good)}.bad h1{color:var(--bad)}
form{margin:1.25rem 0 0}
label{display:block;font-size:.9rem;color:var(--soft);margin-bottom:.3rem}
input[type=email]{width:100%;padding:.6rem .7rem;border:1px solid var(--line);border-radius:8px;
background:transparent;color:inherit;font:inherit;margin-bottom:.8rem}
button,.button{display:inline-block;border:0;border-radius:8px;padding:.65rem 1.1rem;
background:var(--act);color:var(--paper);font:inherit;font-weight:600;text-decoration:none;
cursor:pointer}
a{color:var(--act)}
button:focus-visible,a:focus-visible,input:focus-visible{outline:3px solid var(--act);
outline-offset:2px}
code{font-size:.85rem;color:var(--soft);overflow-wrap:anywhere}
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()


@dataclass(frozen=True, slots=True)
class Look:
    """What all pages share: who asks, and where Microsoft's sign-in is."""

    app_name: str
    authority_origin: str
    https: bool

    def headers(self, *, referrer: str = "same-origin") -> dict[str, str]:
        """Headers of every page.

        A form's own page must not say `no-referrer`: browsers then send `Origin: null` with the
        form, which is what a foreign page would send.
        """
        policy = (
            f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; "
            f"form-action 'self' {self.authority_origin}; frame-ancestors 'none'"
        )
        headers = {
            "Content-Security-Policy": policy,
            "Referrer-Policy": referrer,
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "Cache-Control": "no-store",
        }
        if self.https:
            headers["Strict-Transport-Security"] = "max-age=31536000"
        return headers

    def login(self, hidden: Mapping[str, str]) -> str:
        """The page that asks to connect; its button posts to itself."""
        name = escape(self.app_name)
        return self._page(
            "Connect your mailbox",
            f"<p><strong>{name}</strong> would like to read new mail in your Outlook.com or "
            "Microsoft 365 mailbox.</p>"
            "<ul><li>You sign in at Microsoft; your password is never seen here.</li>"
            "<li>Mail is read, and stays unread in your mailbox.</li>"
            "<li>You can withdraw the permission at Microsoft at any time.</li></ul>"
            + _form("login", hidden, "Continue to Microsoft"),
        )

    def connected(self, address: str, *, already: bool = False, checking: bool = False) -> str:
        """The mailbox is connected; `checking`: the mail server could not be asked yet."""
        heading = "This mailbox is already connected" if already else "Your mailbox is connected"
        if checking:
            heading = "Signed in, still checking"
        text = (
            "<p>The mail server did not answer yet. It is asked again by itself; there is nothing "
            "you need to do.</p>"
            if checking
            else "<p>New mail is on its way to the application. You can close this page.</p>"
        )
        shown = f"<p><code>{escape(address)}</code></p>" if address else ""
        return self._page(heading, shown + text, "good")

    def blocked(
        self, code: str, address: str, hidden: Mapping[str, str], *, fixed: bool = False
    ) -> str:
        """Signed in, but the mailbox refuses: why, how to fix it, and two ways to go on.

        fixed: the address is the one that was invited, and not to be changed.
        """
        entry = ENTRIES[code]
        link = (
            f'<p><a href="{escape(entry.link)}" rel="noreferrer">How to switch it on</a></p>'
            if entry.link
            else ""
        )
        field = (
            '<label for="address">Is your mailbox under another address?</label>'
            '<input type="email" id="address" name="address" autocomplete="email" required '
            f'value="{escape(address)}">'
        )
        again = _form("connected", {**hidden, "action": "check"}, "Check again")
        other = _form("connected", {**hidden, "action": "address"}, "Use this address", field)
        if fixed:
            other = ""
        body = f"<p>{escape(entry.owner)}</p>{link}" + again + other
        return self._page("Signed in, but the mailbox can\u2019t be read", body, "bad")

    def failed(self, code: str, start_again: str) -> str:
        """What happened, what to do, and a way to start again."""
        entry = ENTRIES[code]
        again = f'<p><a class="button" href="{escape(start_again)}">Start again</a></p>'
        link = (
            f'<p><a href="{escape(entry.link)}" rel="noreferrer">More about this</a></p>'
            if entry.link
            else ""
        )
        body = f"<p>{escape(entry.owner)}</p>{link}{again}<p><code>{code}</code></p>"
        return self._page(_HEADINGS.get(code, "The mailbox was not connected"), body, "bad")

    def consented(self) -> str:
        """An administrator has consented, and Microsoft gives the app a token."""
        text = "<p>Its mailboxes are tried again within minutes. You can close this page.</p>"
        return self._page("Your organisation has granted access", text, "good")

    def consent_failed(self, code: str) -> str:
        """What an administrator sees; the link that brought them works again."""
        body = f"<p>{escape(ENTRIES[code].owner)}</p><p><code>{code}</code></p>"
        return self._page("Access was not granted", body, "bad")

    def _page(self, heading: str, body: str, mood: str = "") -> str:
        return (
            '<!doctype html><html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width,initial-scale=1">'
            f"<title>{heading} \u00b7 {escape(self.app_name)}</title>"
            f'<style>{_STYLE}</style></head><body><main class="{mood}">'
            f'<p class="who">{escape(self.app_name)}</p><h1>{heading}</h1>{body}</main></body>'
            "</html>"
        )


_HEADINGS = {
    "cancelled": "You cancelled the sign-in",
    "login_expired": "This sign-in has expired",
    "login_used": "This sign-in was already used",
    "login_cookie_missing": "Please use the same browser",
    "consent_missing": "Permission is missing",
    "admin_consent_needed": "An administrator has to approve this",
    "scopes_missing": "Permission is missing",
    "login_closed": "An invitation is needed",
    "invitation_invalid": "This invitation can\u2019t be used",
    "invitation_expired": "This invitation has expired",
    "invitation_used": "This invitation was already used",
    "wrong_account": "Another account is needed",
    "wrong_kind_of_account": "Another kind of account is needed",
    "storage_unavailable": "Please try again in a minute",
    "microsoft_unavailable": "Please try again in a few minutes",
    "settings_wrong": "The application is not ready",
    "operator_credentials": "The application is not ready",
    "operator_registration": "The application is not ready",
}


def _form(action: str, hidden: Mapping[str, str], button: str, fields: str = "") -> str:
    inputs = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
        for name, value in hidden.items()
    )
    return (
        f'<form method="post" action="{action}">{inputs}{fields}'
        f'<button type="submit">{button}</button></form>'
    )
