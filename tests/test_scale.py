"""The model of scale and cost: each term by hand, and a page that is what its files say."""

import json
from dataclasses import fields, replace
from pathlib import Path

import pytest

from benchmarks.measures.bills import CORES, billed_seconds
from benchmarks.measures.made_parts import replaced
from benchmarks.measures.targets import row
from benchmarks.scale import costs, held, limits, model, page, sourced
from benchmarks.scale.measured import Extra, Measured, measured
from benchmarks.scale.model import Deployment, Load, load
from benchmarks.scale.sourced import Sourced

PLATFORM = sourced.read("platform")
PRICES = sourced.read("prices")
NOTHING = Extra(0, 0)
# Round figures: a batch of 10 takes 0.5 s, of 100 it takes 2 s; nothing comes up besides.
ROUND = Measured(
    gb=0.5,
    cores=0.25,
    executions=((10, 0.5), (100, 2.0)),
    cpu_ms=3,
    enqueue_seconds=0.1,
    tick_requests=2,
    batch_requests=3,
    renewal=NOTHING,
    reading=NOTHING,
    mail=NOTHING,
    host_cores=0,
    idle_bytes=200,
    mail_bytes=400,
    sent_bytes=5000,
)


def known(**amounts: float) -> dict[str, Sourced]:
    """The platform with other amounts."""
    return {**PLATFORM} | {
        name: replace(PLATFORM[name], amount=amount) for name, amount in amounts.items()
    }


@pytest.mark.parametrize(
    ("seconds", "billed"), [(0, 1), (0.2, 1), (1, 1), (1.01, 1.1), (1.1, 1.1), (2.31, 2.4)]
)
def test_an_execution_is_billed_a_second_at_least_and_then_in_tenths(
    seconds: float, billed: float
) -> None:
    assert billed_seconds(seconds) == billed


def test_an_execution_lasts_as_long_as_one_between_those_that_were_measured() -> None:
    assert [ROUND.seconds(size) for size in (10, 55, 100)] == [0.5, 1.25, 2.0]
    assert [ROUND.seconds(size) for size in (1, 500)] == [0.5, 2.0]  # and no further


def test_mailboxes_make_full_batches_and_each_shard_has_a_last_one() -> None:
    def batches(mailboxes: int, shards: int = 1) -> list[tuple[float, float]]:
        return model.batches(Deployment(mailboxes, shards=shards), 100, PLATFORM)

    assert batches(1000) == [(10, 100)]
    assert batches(1250) == [(12, 100), (1, 50)]
    assert batches(1600, 16) == [(16, 100)]
    assert batches(800, 16) == [(16, 50)]
    assert batches(1) == [(1, 1)]


def test_seldom_checks_leave_tokens_and_outboxes_to_come_due_by_themselves() -> None:
    platform = known(token_minutes=60)
    assert model.due(Deployment(1200), platform) == 1200
    assert model.due(Deployment(1200, 10), platform) == pytest.approx(120 + 1080 / 30)
    ((number, size),) = model.batches(Deployment(4, 10), 100, platform)
    assert size == 1 and number == pytest.approx(0.52)  # not each tick has one


def test_a_thousand_mailboxes_by_hand() -> None:
    found = load(Deployment(1000), ROUND, known(mails_a_day=0.001))
    assert found.executions == 11
    assert found.timer_seconds == 1  # ten claims are a second; 2,000 rows at 2,000 a second too
    assert found.billed_seconds == pytest.approx(1 + 10 * 2)
    assert found.gb_seconds_a_month(0.5) == pytest.approx(21 * 0.5 * 43_200)
    assert found.instances == 1
    assert found.table_requests == pytest.approx(2 + 10 * 3, abs=0.001)
    assert found.queue_requests == 10 * 3 + 30 + 12
    assert found.partition == pytest.approx(4000 / 60)
    assert found.sent_bytes == 5_000_000
    assert (found.median_seconds, found.last_seconds) == (31, 62)


def test_what_comes_up_takes_cpu_on_a_share_of_a_core_and_requests() -> None:
    platform = known(token_minutes=50, mails_a_day=1440 / 10)
    busy = replace(ROUND, renewal=Extra(50, 3), reading=Extra(60, 4), mail=Extra(10, 5))
    idle, found = (load(Deployment(1000), one, platform) for one in (ROUND, busy))
    # A minute: 20 renewals of 50 ms, 1000/60 readings of 60 ms, 100 mails of 10 ms: 3 s of CPU.
    assert model.extra_seconds(Deployment(1000), busy, platform) == pytest.approx(3)
    assert found.tend_seconds - idle.tend_seconds == pytest.approx(3 / 0.25 / 10)
    more = 20 * 3 + 1000 / 60 * 4 + 100 * 5
    assert found.table_requests - idle.table_requests == pytest.approx(more)


def test_where_several_instances_run_none_remembers_all_tokens() -> None:
    platform = known(mails_a_day=0.0001)
    alone, several = (load(Deployment(n), ROUND, platform) for n in (3000, 6000))
    assert (alone.instances, several.instances) == (1, 2)
    assert alone.table_requests == pytest.approx(1 + 3 + 30 * 3, abs=0.001)
    assert several.table_requests == pytest.approx(1 + 6 + 60 * 4, abs=0.001)


def test_a_batch_with_mail_reads_the_endpoints() -> None:
    def asked(mails_a_day: float) -> float:
        platform = known(mails_a_day=mails_a_day)
        return load(Deployment(1000), ROUND, platform).table_requests

    assert asked(1.44) == pytest.approx(2 + 30 + 1)  # one mail a minute
    assert asked(144) == pytest.approx(2 + 30 + 10)  # a hundred, in ten batches


def test_shards_are_scanned_page_by_page() -> None:
    one, platform = replace(ROUND, batch_requests=0), known(mails_a_day=0.0001)
    asked = [
        load(Deployment(3000), one, platform),
        load(Deployment(1600, shards=16), one, platform),
    ]
    assert [round(found.table_requests, 2) for found in asked] == [1 + 3, 1 + 16]


def test_the_timer_is_no_quicker_than_its_batches_nor_than_a_partition() -> None:
    quick, slow = (replace(ROUND, enqueue_seconds=seconds) for seconds in (0.001, 0.5))
    assert load(Deployment(10_000), quick, PLATFORM).timer_seconds == 10
    assert load(Deployment(10_000), slow, PLATFORM).timer_seconds == 50
    assert load(Deployment(10_000, shards=16), quick, PLATFORM).timer_seconds == 10


def test_what_the_timer_cannot_claim_within_its_minute_waits_for_the_next_one() -> None:
    def waits(mailboxes: int) -> tuple[float, float]:
        found = load(Deployment(mailboxes), ROUND, PLATFORM)
        return found.median_seconds, found.last_seconds

    assert waits(60_000) == (31, 62)
    assert waits(60_100) == (61, 122)
    assert waits(300_100) == (181, 362)


def test_more_mailboxes_never_take_less_and_seldom_checks_never_more() -> None:
    rising = (
        *("executions", "billed_seconds", "table_requests", "queue_requests", "partition"),
        *("log_bytes", "timer_seconds", "instances", "sent_bytes"),
    )
    found = [load(Deployment(n), ROUND, PLATFORM) for n in (1, 10, 99, 101, 5000, 70_000)]
    seldom = [load(Deployment(5000, n), ROUND, PLATFORM) for n in (1, 2, 5, 15, 60)]
    for name in rising:
        amounts = [getattr(one, name) for one in found]
        assert amounts == sorted(amounts), name
        amounts = [getattr(one, name) for one in seldom]
        assert amounts == sorted(amounts, reverse=True), name


def test_the_limit_that_is_used_most_is_reached_first() -> None:
    nothing = Load(**{one.name: 0 for one in fields(Load)})
    assert all(use.share == 0 for use in limits.uses(Deployment(1), nothing, PLATFORM))

    def first(**used: float) -> str:
        found = replace(nothing, **used)  # type: ignore[arg-type]
        return limits.binding(limits.uses(Deployment(1), found, PLATFORM)).limit.key

    assert first(partition=1900, timer_seconds=30) == "partition_entities"
    assert first(partition=900, timer_seconds=30) == "tick_seconds"
    assert first(instances=99, timer_seconds=30) == "instances"
    assert first(queue_requests=60 * 1900) == "queue_messages"
    assert first(table_requests=60 * 30_000, instances=90) == "account_requests"


def test_cores_of_a_region_count_the_share_that_comes_with_the_memory() -> None:
    found = load(Deployment(100_000), ROUND, PLATFORM)
    small = limits.uses(Deployment(100_000, gb=0.5), found, PLATFORM)
    large = limits.uses(Deployment(100_000, gb=2.0), found, PLATFORM)
    shares = [
        one.share for used in (small, large) for one in used if one.limit.key.endswith("ores")
    ]
    assert shares == [34 * 0.25 / 250, 34 / 250]


def test_a_plan_keeps_room_in_each_limit_and_is_no_larger_than_it_has_to_be() -> None:
    measured = {0.5: ROUND, 2.0: replace(ROUND, gb=2.0, cores=1.0)}
    assert limits.plan(1_000, 1, measured, PLATFORM) == Deployment(1_000)
    assert limits.plan(30_000, 1, measured, PLATFORM) == Deployment(30_000, shards=16)
    many = limits.plan(100_000, 1, measured, PLATFORM)
    assert many and many.deployments == 3  # the timer's minute has 48 s of room
    for one in (many, limits.plan(1_000_000, 5, measured, PLATFORM)):
        assert one
        found = load(one.each, measured[one.gb], PLATFORM)
        assert limits.fits(one.each, found, PLATFORM)
    assert limits.plan(10**9, 1, measured, PLATFORM) is None


def test_several_deployments_are_asked_for_one_by_one() -> None:
    assert Deployment(1001, deployments=2).each == Deployment(501)
    with pytest.raises(ValueError, match="one deployment"):
        load(Deployment(1000, deployments=2), ROUND, PLATFORM)


def test_what_is_free_is_free_and_what_is_beyond_is_paid() -> None:
    free = load(Deployment(10), ROUND, PLATFORM)
    bill = costs.ours(Deployment(10), free, PRICES, PLATFORM)
    assert free.executions * 43_200 == 86_400 and free.gb_seconds_a_month(0.5) == 43_200
    assert bill.lines["GB-seconds"] == bill.lines["executions"] == bill.lines["logs"] == 0
    assert bill.egress == 0
    one = replace(free, billed_seconds=10, executions=20, log_bytes=1e6, sent_bytes=1e7)
    bill = costs.ours(Deployment(10), one, PRICES, PLATFORM)
    assert bill.lines["GB-seconds"] == pytest.approx((10 * 0.5 * 43_200 - 100_000) * 0.000026)
    assert bill.lines["executions"] == pytest.approx((20 * 43_200 - 250_000) / 1e6 * 0.40)
    assert bill.lines["logs"] == pytest.approx((43.2 - 5) * 2.30)
    assert bill.egress == pytest.approx((432 - 100) * 0.087)
    assert bill.total == pytest.approx(sum(bill.lines.values()))


def test_several_deployments_cost_as_many_times_but_what_is_free_is_so_once() -> None:
    one = load(Deployment(1000), ROUND, PLATFORM)
    alone, twice = (
        costs.ours(Deployment(1000 * n, deployments=n), one, PRICES, PLATFORM) for n in (1, 2)
    )
    gb_seconds = 21 * 0.5 * 43_200 * 0.000026
    assert twice.lines["GB-seconds"] - alone.lines["GB-seconds"] == pytest.approx(gb_seconds)
    assert twice.lines["queues"] == pytest.approx(2 * alone.lines["queues"])


def test_what_others_take() -> None:
    assert costs.nylas(5, PRICES) == 15
    assert costs.nylas(1000, PRICES) == 15 + 995 * 2
    licence = 895 / 12
    assert costs.emailengine(10, PRICES) == pytest.approx(licence + 30)
    assert costs.emailengine(1001, PRICES) == pytest.approx(licence + 2 * 140.16)


@pytest.mark.parametrize("name", ["prices", "platform"])
def test_each_number_is_found_or_said_to_be_an_input(name: str) -> None:
    for key, one in sourced.read(name).items():
        assert one.found == bool(one.source and key != "emailengine_mailboxes"), key
        assert one.unit and one.about


@pytest.mark.parametrize(
    ("row", "said"), [({"found": True, "source": ""}, "no source"), ({"amount": 0}, "amount of 0")]
)
def test_a_number_that_is_none_is_refused(
    row: dict[str, object], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = {"amount": 1, "unit": "$", "about": "a", "found": False, "dated": "", "source": ""}
    (tmp_path / "prices.json").write_text(json.dumps({"some": good | row}))
    monkeypatch.setattr(sourced, "_FOLDER", tmp_path)
    with pytest.raises(ValueError, match=said):
        sourced.read("prices")


def test_a_benchmark_without_its_batches_is_refused() -> None:
    with pytest.raises(LookupError, match=r"batches of 0\.5 GB"):
        measured({"batches": []}, {}, 0.5)


def test_a_made_part_needs_its_marks() -> None:
    assert replaced("a <b> old <e> z", "<b>", "<e>", "new") == "a <b>new<e> z"
    for text in ("a <e>", "a <b>", "<b><b><e>", "<e> <b>"):
        with pytest.raises(ValueError, match="the page needs"):
            replaced(text, "<b>", "<e>", "new")


def test_the_page_is_what_its_files_say() -> None:
    assert page.is_current(), "run: python -m benchmarks.scale"


def test_the_model_is_near_the_run_of_a_thousand_mailboxes_or_the_page_says_why_not() -> None:
    source, words = page.read(), page.PAGE.read_text()
    for gb, cores in CORES.items():
        crowd = row(source.besides["crowd"], cores=cores)
        assert crowd["mailboxes"] == 1000
        for one in held.held(crowd, source.beside_the_crowd(gb)):
            assert one.is_near or f"**{one.what}**" in words, one
