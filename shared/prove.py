"""Prove: whether a token opens a mailbox, asked of the mailbox itself."""

from shared import imap
from shared.errors import Blocked
from shared.imap_errors import TokenRefused

_SECONDS = 30
INBOX = "INBOX"


def mailbox(server: imap.Server, address: str, access_token: str) -> str:
    """AUTHENTICATE and EXAMINE; '' where the mailbox opens, else the code of what refused.

    A code of the catalogue: `imap_denied` and the like are definite; raises TryAgain for what
    may pass.
    """
    if not address:
        return "imap_denied"
    try:
        with imap.session(server, address, access_token, _SECONDS) as session:
            session.examine(INBOX)
    except TokenRefused:
        return "imap_denied"
    except Blocked as error:
        return error.code
    return ""
