"""Where the API has a mail, its attachments and its bytes. Pure."""

from dataclasses import dataclass
from urllib.parse import quote, urlencode


@dataclass(frozen=True, slots=True)
class MessageUrl:
    """The URL of a mail.

    UIDVALIDITY goes with the UID: where the server numbers the folder anew, the URL finds nothing
    rather than another mail.
    """

    base_url: str
    account_id: str
    folder: str
    uidvalidity: int
    uid: int

    def __str__(self) -> str:
        return self.below()

    def below(self, *names: str) -> str:
        """The URL of what belongs to the mail: `attachments`, `2`."""
        below = "".join(f"/{quote(name, safe='')}" for name in names)
        query = urlencode(
            {"folder": self.folder, "uid_validity": self.uidvalidity}, errors="replace"
        )
        message = f"{self.base_url}/api/accounts/{self.account_id}/messages/{self.uid}"
        return f"{message}{below}?{query}"
