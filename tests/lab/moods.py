"""Exchange's moods: what an account costs that meets the same refusal for hours.

The clock is the test's; the account is tended to whenever it comes due.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from shared import instants

from .imap_proxy import Answer, ImapProxy, cut, says
from .stepped_app import SteppedApp


@dataclass(frozen=True)
class Mood:
    """What the server answers to a command, and how the account stands after it.

    sign_ins: the most that a day of it may cost.
    """

    command: str
    answer: Answer = field(repr=False)
    sign_ins: int
    code: str = ""

    @property
    def status(self) -> str:
        return "blocked" if self.code else "active"


MOODS = {
    "f14_denied": Mood("AUTHENTICATE", says("NO AUTHENTICATE failed."), 30, "imap_denied"),
    "f15_not_connected": Mood(
        "STATUS",
        says("BAD User is authenticated but not connected.", "BYE Connection closed. 14"),
        30,
        "mailbox_unavailable",
    ),
    "odd_name": Mood("STATUS", says("BAD Command Argument Error. 12"), 30, "folder_missing"),
    "f16_throttled": Mood(
        "STATUS",
        says("NO Request is throttled. Suggested Backoff Time: 299910 milliseconds"),
        200,
    ),
    "overloaded": Mood("STATUS", says("NO Server Unavailable. 15"), 200),
    "f17_cut": Mood("STATUS", cut(), 200),
    "f12_no_greeting": Mood("CONNECT", cut(), 0),
}


def live(
    app: SteppedApp,
    forward: Callable[[float], None],
    proxy: ImapProxy,
    address: str,
    mood: Mood,
    hours: float,
) -> str:
    """Lets a new account meet the mood for so long; gives its id.

    forward: moves the app's clock by seconds.
    """
    account = app.settled(address)
    proxy.commands.clear()
    proxy.on(mood.command, mood.answer)
    end = app.parts.now() + timedelta(hours=hours)
    while (due := instants.parse(app.account(account.id).next_due_at)) < end:
        forward(max((due - app.parts.now()).total_seconds(), 1))
        app.tick()
    return account.id
