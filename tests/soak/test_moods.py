"""A day of each of Exchange's moods, in a table."""

from tests.conftest import StartApp
from tests.desk import Clock
from tests.lab.imap_proxy import ImapProxy
from tests.lab.moods import MOODS, live


def test_a_day_of_each_mood(start_app: StartApp, proxy: ImapProxy) -> None:
    print("\nmood               sign-ins  events  status")
    for name, mood in MOODS.items():
        clock, address = Clock(), f"mood-{name}@outlook.example"
        app = start_app(clock, IMAP_HOST=f"localhost:{proxy.port}", CHECK_INTERVAL_SECONDS="60")
        account = live(app, clock.later, proxy, address, mood, 24)
        found, told = app.account(account), app.webhooks(address, "account.blocked")
        sign_ins = proxy.count("AUTHENTICATE")
        print(f"{name:<18} {sign_ins:>8}  {len(told):>6}  {found.status} {found.code}", flush=True)
        assert (found.status, found.code, len(told)) == (mood.status, mood.code, bool(mood.code))
        assert sign_ins <= mood.sign_ins
        proxy.behave()
