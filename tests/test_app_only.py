"""App-only mailboxes: connected without a sign-in, refused with what to do, tended like others."""

import itertools
import json
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from shared import instants, web
from shared.account_rows import Account
from shared.errors import OperatorFault, Rejected
from tests.conftest import StartApp
from tests.lab.lab import Lab
from tests.lab.mails import made_up
from tests.lab.services import CLIENT_ID, Services
from tests.lab.stepped_app import SteppedApp
from tests.lab.table_dump import dump

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Organisation:
    """A tenant with a mailbox; nobody consented to anything yet."""

    services: Services
    tid: str
    domain: str

    @property
    def mailbox(self) -> str:
        return f"box@{self.domain}"

    def opens(self, *mailboxes: str) -> None:
        """An administrator consents and gives the permission for these mailboxes."""
        self.services.microsoft.consent_app(self.tid)
        for mailbox in mailboxes or (self.mailbox,):
            self.services.microsoft.allow_app(mailbox)

    def body(self, **more: Any) -> dict[str, Any]:
        return {"tenant": self.tid, "mailbox": self.mailbox, "reference": "customer-7"} | more

    def requests(self) -> list[dict[str, Any]]:
        """Token requests of the app for this tenant."""
        found = self.services.microsoft.records()
        return [one for one in found if one["tenant"] in {self.tid, self.domain}]


@pytest.fixture
def organisation(services: Services) -> Organisation:
    made = Organisation(services, str(uuid.uuid4()), f"org{next(_numbers)}.example")
    services.microsoft.add_account(f"admin@{made.domain}", "work", tid=made.tid)
    return made


def connect(app: SteppedApp, body: dict[str, Any]) -> dict[str, Any]:
    """Connects and makes the first check."""
    adopted = app.parts.app_only.connect(body, instants.now())
    for message in adopted.messages:
        app.parts.tend.receive(message.encode())
    return dict(adopted.told())


def refusal(app: SteppedApp, body: dict[str, Any]) -> Rejected:
    with pytest.raises(Rejected) as refused:
        connect(app, body)
    assert refused.value.status == 409
    return refused.value


def account_of(app: SteppedApp, refused: Rejected) -> Account:
    return app.account(str(refused.more["account"]["id"]))  # type: ignore[index]


# Connected


def test_a_mailbox_is_connected_without_anybodys_sign_in(
    app: SteppedApp, organisation: Organisation
) -> None:
    organisation.opens()
    app.services.dovecot.deliver(organisation.mailbox, made_up(organisation.mailbox, "Hello"))
    told = connect(app, organisation.body(labels=["support"]))
    assert (told["status"], told["kind"], told["reference"]) == ("active", "app_only", "customer-7")
    assert app.subjects(organisation.mailbox) == ["Hello"]
    (connected,) = app.webhooks(organisation.mailbox, "account.connected")
    assert connected["body"]["data"]["account"]["labels"] == ["support"]


def test_a_tenant_may_be_named_by_its_domain_and_is_the_same(
    app: SteppedApp, organisation: Organisation
) -> None:
    organisation.opens()
    by_id = connect(app, organisation.body())
    by_domain = connect(app, organisation.body(tenant=organisation.domain.upper()))
    upper = connect(app, organisation.body(mailbox=organisation.mailbox.upper()))
    assert by_id["id"] == by_domain["id"] == upper["id"]
    assert len(app.rows("accounts", kind="app_only")) == 1


def test_two_references_or_mailboxes_are_two_accounts_with_one_token(
    app: SteppedApp, organisation: Organisation
) -> None:
    other = f"other@{organisation.domain}"
    organisation.opens(organisation.mailbox, other)
    bodies = [
        organisation.body(),
        organisation.body(reference="b"),
        organisation.body(mailbox=other),
    ]
    assert len({connect(app, body)["id"] for body in bodies}) == 3
    app.tick()
    (row,) = app.rows("tokens")
    assert (row["PartitionKey"], row["RowKey"]) == ("tenant", organisation.tid)
    assert len(organisation.requests()) == 1


def test_what_is_connected_is_tended_like_any_other(
    app: SteppedApp, organisation: Organisation
) -> None:
    organisation.opens()
    told = connect(app, organisation.body())
    app.services.dovecot.deliver(organisation.mailbox, made_up(organisation.mailbox, "Later"))
    app.restart()
    app.tick_in(60)
    assert app.subjects(organisation.mailbox) == ["Later"]
    assert app.account(told["id"]).next_refresh_at == instants.NEVER
    assert len(organisation.requests()) == 1  # from the table, not from Microsoft


def test_with_start_now_the_backlog_is_left_out(
    app: SteppedApp, organisation: Organisation
) -> None:
    organisation.opens()
    app.services.dovecot.deliver(organisation.mailbox, made_up(organisation.mailbox, "Old"))
    connect(app, organisation.body(start="now"))
    (ready,) = app.webhooks(organisation.mailbox, "mailbox.ready")
    assert (ready["body"]["data"]["found"], ready["body"]["data"]["left_out"]) == (1, 1)
    assert app.subjects(organisation.mailbox) == []


def test_folders_and_endpoint_are_as_asked_for(app: SteppedApp, organisation: Organisation) -> None:
    organisation.opens()
    told = connect(app, organisation.body(folders=["Archive"], endpoint_id="ep_settings"))
    assert (told["folders"], told["endpoints"]) == (["Archive"], ["ep_settings"])
    again = connect(app, organisation.body())
    assert (again["folders"], again["endpoints"]) == (["Archive"], ["ep_settings"])


def test_f13_a_token_that_is_refused_is_replaced_once(
    app: SteppedApp, organisation: Organisation
) -> None:
    organisation.opens()
    told = connect(app, organisation.body())
    app.restart()
    app.services.microsoft.expire_app_tokens()
    app.services.dovecot.deliver(organisation.mailbox, made_up(organisation.mailbox, "After"))
    app.tick_in(60)
    assert app.subjects(organisation.mailbox) == ["After"]
    assert app.account(told["id"]).status == "active"
    assert len(organisation.requests()) == 2


def test_removed_it_leaves_no_address_and_no_token(
    app: SteppedApp, organisation: Organisation
) -> None:
    organisation.opens()
    told = connect(app, organisation.body())
    answer = app.parts.disconnect.disconnect(told["id"])
    assert (answer["removed"], answer["revoke_at"]) == (True, "https://myapps.microsoft.com")
    assert app.rows("tokens") == []
    assert organisation.mailbox not in json.dumps(dump(app.storage))


def test_its_token_is_given_out_with_its_own_scope(
    start_app: StartApp, organisation: Organisation
) -> None:
    app = start_app(ACCESS_TOKEN_KEY="key")
    organisation.opens()
    given = app.parts.vending.token(connect(app, organisation.body())["id"], "key")
    assert given["scope"] == "https://outlook.office365.com/.default"
    assert (given["address"], given["smtp_host"]) == (organisation.mailbox, "localhost")


# Refused


def test_without_consent_the_answer_says_what_to_do_to_the_letter(
    app: SteppedApp, organisation: Organisation
) -> None:
    refused = refusal(app, organisation.body())
    assert refused.code == "app_not_consented"
    lines = str(refused.more["powershell"]).splitlines()
    assert f"New-ServicePrincipal -AppId '{CLIENT_ID}' -ServiceId $app.Id" in lines[3]
    assert lines[4] == (
        f"Add-MailboxPermission -Identity '{organisation.mailbox}' -User $app.Id "
        "-AccessRights FullAccess"
    )
    url = urlsplit(str(refused.more["admin_consent_url"]))
    assert url.path == f"/{organisation.tid}/v2.0/adminconsent"
    query = dict(parse_qsl(url.query))
    assert query["client_id"] == CLIENT_ID
    assert query["redirect_uri"] == app.parts.settings.redirect_uri
    assert query["scope"] == "https://outlook.office365.com/.default"
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", query["state"])


def test_a_mailbox_that_refuses_a_fresh_token_is_blocked_with_the_same_advice(
    app: SteppedApp, organisation: Organisation
) -> None:
    app.services.microsoft.consent_app(organisation.tid)
    refused = refusal(app, organisation.body())
    assert refused.code == "imap_denied"
    assert {"account", "powershell", "admin_consent_url"} == set(refused.more)
    assert account_of(app, refused).status == "blocked"


def test_what_is_refused_is_kept_as_blocked_and_tried_slowly(
    app: SteppedApp, organisation: Organisation
) -> None:
    account = account_of(app, refusal(app, organisation.body()))
    assert (account.status, account.code) == ("blocked", "app_not_consented")
    wait = instants.parse(account.next_check_at) - instants.now()
    assert timedelta(minutes=55) < wait < timedelta(minutes=61)
    asked = len(organisation.requests())
    app.tick_in(600)
    assert len(organisation.requests()) == asked
    app.tick_in(3601)
    now = app.account(account.id)
    assert (now.status, now.code, len(organisation.requests())) == (
        "blocked",
        "app_not_consented",
        asked + 1,
    )
    assert app.webhooks(organisation.mailbox, "account.blocked") == []


def test_what_was_refused_heals_by_itself(app: SteppedApp, organisation: Organisation) -> None:
    account = account_of(app, refusal(app, organisation.body()))
    organisation.opens()
    app.tick_in(3601)
    assert app.account(account.id).status == "active"
    assert len(app.webhooks(organisation.mailbox, "account.restored")) == 1


def test_consent_that_is_withdrawn_blocks_the_accounts_of_that_tenant(
    app: SteppedApp, organisation: Organisation
) -> None:
    organisation.opens()
    told = connect(app, organisation.body())
    app.services.microsoft.withdraw_app(organisation.tid)
    app.services.microsoft.expire_app_tokens()
    app.restart()
    app.tick_in(60)
    now = app.account(told["id"])
    assert (now.status, now.code) == ("blocked", "app_not_consented")
    assert len(app.webhooks(organisation.mailbox, "account.blocked")) == 1


def test_a_second_try_that_is_refused_tells_nothing_new(
    app: SteppedApp, organisation: Organisation
) -> None:
    first, second = refusal(app, organisation.body()), refusal(app, organisation.body())
    assert account_of(app, first).id == account_of(app, second).id
    app.tick()
    assert len(app.webhooks(organisation.mailbox, "account.connected")) == 1
    assert app.webhooks(organisation.mailbox, "account.blocked") == []


def test_f5_a_secret_of_ours_that_ended_makes_no_account(
    app: SteppedApp, organisation: Organisation
) -> None:
    app.services.microsoft.next_answers("token", {"kind": "secret_expired"})
    with pytest.raises(OperatorFault, match="operator_credentials"):
        connect(app, organisation.body())
    assert app.rows("accounts") == []


def test_powershell_takes_an_odd_mailbox_to_the_letter(
    app: SteppedApp, organisation: Organisation
) -> None:
    mailbox = f"o'brien&$(x)@{organisation.domain}".replace("(x)", "x")
    refused = refusal(app, organisation.body(mailbox=mailbox))
    assert f"-Identity 'o''brien&$x@{organisation.domain}'" in str(refused.more["powershell"])


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"tenant": "common"}, "tenant"),
        ({"tenant": "organizations"}, "tenant"),
        ({"tenant": "a.example/../common"}, "tenant"),
        ({"tenant": "unknown-tenant.example"}, "tenant"),
        ({"tenant": "9188040d-6c67-4c5b-b112-36a304b66dad"}, "tenant"),
        ({"tenant": 7}, "tenant"),
        ({"tenant": ""}, "tenant"),
        ({"mailbox": "box"}, "mailbox"),
        ({"mailbox": "box@a.example\x01auth=Bearer x"}, "mailbox"),
        ({"mailbox": "box@a.example\r\n"}, "mailbox"),
        ({"mailbox": None}, "mailbox"),
        ({"reference": None}, "reference"),
        ({"reference": "a" * 201}, "reference"),
        ({"labels": "support"}, "labels"),
        ({"folders": []}, "folders"),
        ({"start": "later"}, "start"),
        ({"endpoint_id": "ep_aaaaaaaa"}, "endpoint_id"),
        ({"password": "x"}, "password"),
    ],
)
def test_bad_input_is_named_and_nothing_is_stored(
    app: SteppedApp, organisation: Organisation, changed: dict[str, Any], field: str
) -> None:
    with pytest.raises(Rejected) as refused:
        connect(app, organisation.body(**changed))
    assert (refused.value.code, refused.value.detail) == ("field_invalid", field)
    assert app.rows("accounts") == app.rows("once") == []
    assert organisation.requests() == []


@pytest.mark.parametrize("missing", ["tenant", "mailbox", "reference"])
def test_what_is_missing_is_named(
    app: SteppedApp, organisation: Organisation, missing: str
) -> None:
    body = organisation.body()
    del body[missing]
    with pytest.raises(Rejected) as refused:
        connect(app, body)
    assert refused.value.detail == missing


# Over HTTP, and the administrator's way


@pytest.fixture
def asked(lab: Lab, organisation: Organisation) -> Iterator[dict[str, Any]]:
    """The answer to a POST that was refused."""
    answer = lab.host.api("POST", "accounts", json=organisation.body())
    assert answer.status_code == 409
    assert answer.headers["Content-Type"] == "application/problem+json"
    yield answer.json()


def test_an_administrator_consents_and_the_mailbox_is_connected(
    lab: Lab, organisation: Organisation, asked: dict[str, Any]
) -> None:
    lab.microsoft.allow_app(organisation.mailbox)
    browser = lab.browser()  # the administrator's, without a cookie of ours
    page = browser.submit(browser.get(asked["admin_consent_url"]), "accept")
    assert (page.status, page.title) == (200, "Your organisation has granted access")
    lab.host.fire_timer()
    lab.wait_for_account(organisation.mailbox, status="active")
    assert lab.host.api("POST", "accounts", json=organisation.body()).status_code == 201


def test_an_administrator_who_declines_is_told_so(
    lab: Lab, organisation: Organisation, asked: dict[str, Any]
) -> None:
    browser = lab.browser()
    page = browser.submit(browser.get(asked["admin_consent_url"]), "cancel")
    assert (page.status, page.title) == (400, "Access was not granted")
    assert lab.account(organisation.mailbox)["status"] == "blocked"


@pytest.mark.parametrize(
    "query",
    [
        "admin_consent=True&code=secret-code",
        "admin_consent=True&tenant=5f0a1c1e-3c1b-4b7e-9d53-0c2f6a5d9b10",
        "admin_consent=False",
        "code=secret-code",
        "",
    ],
)
def test_a_return_that_does_not_fit_asks_microsoft_for_nothing(
    lab: Lab, organisation: Organisation, asked: dict[str, Any], query: str
) -> None:
    before = len(organisation.requests())
    state = dict(parse_qsl(urlsplit(asked["admin_consent_url"]).query))["state"]
    page = lab.browser().get(f"{lab.host.base_url}/api/callback?state={state}&{query}")
    assert page.status == 400 and "consent_refused" in page.text
    assert len(organisation.requests()) == before


def test_consent_that_is_only_claimed_changes_nothing(
    lab: Lab, organisation: Organisation, asked: dict[str, Any]
) -> None:
    state = dict(parse_qsl(urlsplit(asked["admin_consent_url"]).query))["state"]
    url = f"{lab.host.base_url}/api/callback?state={state}&admin_consent=True"
    page = lab.browser().get(f"{url}&tenant={organisation.tid}")
    assert page.status == 409 and "app_not_consented" in page.text
    assert lab.account(organisation.mailbox)["status"] == "blocked"


@pytest.mark.parametrize(("days", "status"), [(6.9, 200), (7.1, 400)])
def test_a_consents_state_ends_after_seven_days(
    app: SteppedApp, organisation: Organisation, days: float, status: int
) -> None:
    url = str(refusal(app, organisation.body()).more["admin_consent_url"])
    state = dict(parse_qsl(urlsplit(url).query))["state"]
    stored = json.dumps(app.rows("once"))
    assert organisation.tid not in stored and state not in stored
    app.services.microsoft.consent_app(organisation.tid)
    back = web.request(f"http://localhost/api/callback?state={state}&admin_consent=True", b"", ())
    answer = app.parts.callback.finish(back, instants.now() + timedelta(days=days))
    assert answer.status == status
    assert ("consent_expired" in answer.html) == (status == 400)


def test_a_logins_state_is_no_consents(lab: Lab, address: str) -> None:
    """And never works without its cookie."""
    browser = lab.browser()
    page = browser.submit(browser.get(lab.login_url), "Continue to Microsoft")
    state = dict(parse_qsl(urlsplit(page.url).query))["state"]
    url = f"{lab.host.base_url}/api/callback?state={state}&admin_consent=True"
    stranger = lab.browser().get(url)
    assert stranger.status == 400 and "login_cookie_missing" in stranger.text
