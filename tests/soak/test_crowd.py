"""1,000 mailboxes on one host, 40 ms from their mail server; CROWD=N takes another number."""

import os
import secrets
import statistics
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab import crowd
from tests.lab.far_link import hindrance
from tests.lab.services import Services
from tests.lab.stepped_app import SteppedApp

_MINUTES = 5
_MAILS_A_MINUTE = 20


@pytest.fixture(scope="module")
def mailboxes(
    services: Services, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[SteppedApp, list[str]]]:
    settings = {"CHECK_INTERVAL_SECONDS": "60", "CLAIM_SECONDS": "60"}
    app = SteppedApp(services, tmp_path_factory.mktemp("crowd"), settings)
    yield app, crowd.connect(app, int(os.environ.get("CROWD", "1000")))
    app.close()


@pytest.mark.skipif(bool(hindrance()), reason=f"no distant link here: {hindrance()}")
@pytest.mark.parametrize(("cores", "share"), [(1.0, 0.15), (0.25, 0.6)])
def test_each_mailbox_is_checked_within_each_minute(
    mailboxes: tuple[SteppedApp, list[str]], tmp_path: Path, cores: float, share: float
) -> None:
    app, addresses = mailboxes
    seed = secrets.randbelow(1_000_000)
    plan = crowd.Plan(cores, _MINUTES, _MAILS_A_MINUTE, seed)
    found = crowd.run(app, addresses, tmp_path, plan)
    print(f"\n{cores} core, seed {seed}: {found}", flush=True)
    assert found.late == [0] * _MINUTES
    assert found.cores <= share * cores
    assert len(found.waits) == found.mails
    if cores == 1:  # with less, a mailbox may be late in one tick after it was early in another
        assert statistics.median(found.waits) < 35 and max(found.waits) < 70
