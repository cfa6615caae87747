"""Mailboxes with much mail in one batch: they share the memory, and nobody waits for good."""

import random
from datetime import timedelta
from pathlib import Path

from shared import instants
from tests.conftest import StartApp
from tests.lab.app_host import AppHost
from tests.lab.azurite import next_account
from tests.lab.mails import made_up, with_file
from tests.lab.memory import peak_mb
from tests.lab.services import Services
from tests.lab.waiting import wait_until

_MAILBOXES = 10
_FILE_BYTES = 15 * 1024 * 1024  # 20 MiB as sent


def test_f23_large_mail_in_many_mailboxes_of_a_batch_is_read_a_few_at_a_time(
    services: Services, start_app: StartApp, tmp_path: Path
) -> None:
    app = start_app()
    addresses = [f"full-{number}@outlook.example" for number in range(_MAILBOXES)]
    accounts = [app.settled(address) for address in addresses]
    for account in accounts:  # mail is not looked for before it is all there
        app.edit("accounts", account.shard, account.id, next_due_at=instants.NEVER)
    host = AppHost(
        services,
        tmp_path,
        storage_account=next_account(),
        beat_seconds=1,
        settings=app.environment,
    )
    try:
        host.start()
        wait_until(lambda: app.parts.once.heartbeat(), 30, "a tick of the timer")
        idle = peak_mb(host.pid)
        for address in addresses:
            large = with_file(address, "Look.", "film.bin", random.randbytes(_FILE_BYTES))
            app.services.dovecot.deliver(address, large)
            app.services.dovecot.deliver(address, made_up(address, "Small"))
        due = instants.text(instants.now() - timedelta(minutes=1))
        for account in accounts:
            app.edit("accounts", account.shard, account.id, next_check_at=due, next_due_at=due)
        wait_until(
            lambda: all(len(app.webhooks(address)) >= 2 for address in addresses),
            60,
            "all of the mail",
        )
        peak = peak_mb(host.pid)
    finally:
        host.kill()
    print(f"\n{_MAILBOXES} mailboxes, each with 20 MiB: {idle:.0f} MB idle, {peak:.0f} MB at most")
    assert 0 < peak - idle <= 128
