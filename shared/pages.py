"""The pages that a mailbox owner sees: plain HTML that works without script. Pure.

Every text is ours or escaped; nothing of a query is ever shown.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

from shared.catalogue import ENTRIES, STORAGE
from shared.stylesheet import HASH, MARK, MOODS, STYLE


@dataclass(frozen=True, slots=True)
class Look:
    """What all pages share: who asks, where Microsoft's sign-in is, and what becomes of mail.

    sends: the app may send from the mailbox; marks_seen: what was passed on does not stay unread.
    """

    app_name: str
    authority_origin: str
    https: bool
    sends: bool = False
    marks_seen: bool = False

    def headers(self, *, referrer: str = "same-origin", leads_to: str = "") -> dict[str, str]:
        """Headers of every page.

        A form's own page must not say `no-referrer`: browsers then send `Origin: null` with the
        form, which is what a foreign page would send. leads_to: the origin of a redirect that may
        follow on a form, which `form-action` would else stop.
        """
        targets = " ".join(one for one in ("'self'", self.authority_origin, leads_to) if one)
        policy = (
            f"default-src 'none'; style-src 'sha256-{HASH}'; base-uri 'none'; "
            f"form-action {targets}; frame-ancestors 'none'"
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
        sends = ", and to send mail from it" if self.sends else ""
        after = "is marked as read once it was passed on" if self.marks_seen else "stays unread"
        return self._page(
            "Connect your mailbox",
            f"<p><strong>{name}</strong> would like to read new mail in your Outlook.com or "
            f"Microsoft 365 mailbox{sends}.</p>"
            "<ul><li>You sign in at Microsoft; your password is never seen here.</li>"
            f"<li>New mail is passed on to {name}, and {after} in your mailbox.</li>"
            "<li>You can withdraw the permission at Microsoft at any time.</li></ul>"
            + _form("login", hidden, "Continue to Microsoft"),
        )

    def connected(
        self, address: str, *, already: bool = False, checking: bool = False, again: str = ""
    ) -> str:
        """The mailbox is connected; `checking`: the mail server could not be asked yet.

        again: where the page that is still checking is looked at once more, without script.
        """
        heading = "This mailbox is already connected" if already else "Your mailbox is connected"
        if checking:
            heading = "Signed in, still checking"
        text = (
            "<p>The mail server did not answer yet. It is asked again by itself; there is nothing "
            "you need to do.</p>"
            if checking
            else "<p>New mail is on its way to the application. You can close this page.</p>"
        )
        shown = f'<p class="address"><code>{escape(address)}</code></p>' if address else ""
        link = _link(again, "Look again") if checking else ""
        return self._page(heading, shown + text + link, "wait" if checking else "good")

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
        other = _form(
            "connected", {**hidden, "action": "address"}, "Use this address", field, "quiet"
        )
        if fixed:
            other = ""
        body = f"<p>{escape(entry.owner)}</p>{link}" + again + other + _code(code)
        return self._page("Signed in, but the mailbox can\u2019t be read", body, "bad")

    def failed(self, code: str, start_again: str) -> str:
        """What happened, what to do, and a way to start again."""
        entry = ENTRIES[code]
        link = (
            f'<p><a href="{escape(entry.link)}" rel="noreferrer">More about this</a></p>'
            if entry.link
            else ""
        )
        again = _link(start_again, "Start again")
        body = f"<p>{escape(entry.owner)}</p>{link}{again}{_code(code)}"
        heading = _HEADINGS.get(code, "The mailbox was not connected")
        return self._page(heading, body, "note" if code in _PASSING else "bad")

    def consented(self) -> str:
        """An administrator has consented, and Microsoft gives the app a token."""
        text = "<p>Its mailboxes are tried again within minutes. You can close this page.</p>"
        return self._page("Your organisation has granted access", text, "good")

    def consent_failed(self, code: str) -> str:
        """What an administrator sees; the link that brought them works again."""
        body = f"<p>{escape(ENTRIES[code].owner)}</p>{_code(code)}"
        return self._page("Access was not granted", body, "bad")

    def _page(self, heading: str, body: str, mood: str = "") -> str:
        return (
            '<!doctype html><html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width,initial-scale=1">'
            f"<title>{heading} \u00b7 {escape(self.app_name)}</title>"
            f'<style>{STYLE}</style></head><body><main class="{mood}">'
            f'<p class="who">{MARK}<span>{escape(self.app_name)}</span></p>'
            f"{MOODS.get(mood, '')}<h1>{heading}</h1>{body}</main></body>"
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
    "too_many_logins": "Please try again in a few minutes",
    **dict.fromkeys(STORAGE, "Please try again in a minute"),
    "microsoft_unavailable": "Please try again in a few minutes",
    "settings_wrong": "The application is not ready",
    "operator_credentials": "The application is not ready",
    "operator_registration": "The application is not ready",
}

# Nobody has to repair anything: starting again helps.
_PASSING = {
    *("cancelled", "login_expired", "login_used", "login_cookie_missing", "too_many_logins"),
    *(*STORAGE, "microsoft_unavailable", "still_removing", "stale"),
}


def _link(target: str, label: str) -> str:
    return f'<p class="next"><a class="button" href="{escape(target)}">{label}</a></p>'


def _code(code: str) -> str:
    """What a mailbox owner can quote to whoever runs the application."""
    return f'<p class="code">Code: <code>{code}</code></p>'


def _form(
    action: str, hidden: Mapping[str, str], button: str, fields: str = "", kind: str = "main"
) -> str:
    inputs = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
        for name, value in hidden.items()
    )
    return (
        f'<form method="post" action="{action}">{inputs}{fields}'
        f'<button type="submit" class="{kind}">{button}</button></form>'
    )
