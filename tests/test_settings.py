"""Settings: what is taken, what is refused, and that one error names all of it."""

import base64
import json
from pathlib import Path

import pytest

from shared import settings
from shared.errors import SettingsError
from shared.storage_settings import Storage

_KEY = base64.b64encode(b"k" * 32).decode()
_GOOD = {
    "CLIENT_ID": "2f8ac4c6-0000-4000-8000-00000000c1d0",
    "CLIENT_SECRET": "client-secret",
    "PUBLIC_BASE_URL": "https://unseen.example.com",
    "AzureWebJobsStorage": "AccountName=unseen;AccountKey=a2V5",
    "ENCRYPTION_KEYS": f"k1:{_KEY}",
    "WEBHOOK_URL": "https://app.example.com/hook",
    "WEBHOOK_SECRET": f"whsec_{_KEY}",
}
_EXAMPLE = Path(__file__).parents[1] / "local.settings.example.json"


def read(**changed: str) -> settings.Settings:
    return settings.read(_GOOD | changed)


def problems(environment: dict[str, str]) -> dict[str, str]:
    """What is wrong, by setting; empty where nothing is."""
    try:
        settings.read(environment)
    except SettingsError as error:
        return dict(error.problems)
    return {}


def test_what_is_not_set_has_a_default() -> None:
    found = read()
    assert (found.app_name, found.shards, found.check_interval_seconds) == ("Unseen", 1, 60)
    assert (found.refresh_window_minutes, found.claim_seconds) == (20, 300)
    assert (found.backlog_limit, found.event_body_limit) == (1000, 65_536)
    assert (found.imap_host, found.imap_port) == ("outlook.office365.com", 993)
    assert found.authority == "https://login.microsoftonline.com/common"
    assert not found.open_connect
    assert not found.allow_private_endpoints
    assert found.return_urls == ()


def test_f53_everything_that_is_missing_is_named_at_once() -> None:
    assert set(problems({})) == {
        "CLIENT_ID",
        "CLIENT_SECRET",
        "PUBLIC_BASE_URL",
        "AzureWebJobsStorage",
        "ENCRYPTION_KEYS",
        "WEBHOOK_URL",
        "WEBHOOK_SECRET",
    }


def test_the_error_says_name_and_reason_of_each() -> None:
    with pytest.raises(SettingsError, match=r"CLIENT_ID: is not set; .*SHARDS: must be a whole"):
        read(CLIENT_ID="", SHARDS="many")


def test_f53_placeholders_of_the_example_file_are_refused_by_name() -> None:
    values = json.loads(_EXAMPLE.read_text())["Values"]
    named = {name for name, value in values.items() if "<" in value}
    assert named == {"CLIENT_ID", "CLIENT_SECRET", "ENCRYPTION_KEYS", "WEBHOOK_SECRET"}
    found = problems(values)
    assert set(found) == named
    assert all("placeholder" in why for why in found.values())


def test_the_example_file_works_once_it_is_filled_in() -> None:
    values = json.loads(_EXAMPLE.read_text())["Values"]
    filled = {name: _GOOD[name] if "<" in value else value for name, value in values.items()}
    assert problems(filled) == {}


@pytest.mark.parametrize("value", ["changeme", "Change-Me", "change_me", "  <your secret>  "])
def test_other_placeholders_are_refused_too(value: str) -> None:
    assert "placeholder" in problems(_GOOD | {"CLIENT_SECRET": value})["CLIENT_SECRET"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CLIENT_ID", "   "),
        ("CLIENT_ID", "a\nb"),
        ("APP_NAME", "Unseen\x00"),
        ("APP_NAME", "Un\u202eseen"),
        ("AUTHORITY", "http://login.microsoftonline.com/common"),
        ("AUTHORITY", "https://login.microsoftonline.com"),
        ("AUTHORITY", "https://login.microsoftonline.com/common/v2.0"),
        ("AUTHORITY", "https://login.microsoftonline.com/common?x=1"),
        ("PUBLIC_BASE_URL", "unseen.example.com"),
        ("PUBLIC_BASE_URL", "http://unseen.example.com"),
        ("PUBLIC_BASE_URL", "https://unseen.example.com/api"),
        ("PUBLIC_BASE_URL", "https://unseen.example.com?x=1"),
        ("PUBLIC_BASE_URL", "https://unseen.example.com:443"),
        ("PUBLIC_BASE_URL", "https://ada@unseen.example.com"),
        ("PUBLIC_BASE_URL", "https://"),
        ("STORAGE", "https://unseen.table.core.windows.net"),
        ("STORAGE", "AccountName=unseen"),
        ("SHARDS", "0"),
        ("SHARDS", "65"),
        ("SHARDS_BEFORE", "0"),
        ("SHARDS_BEFORE", "65"),
        ("SHARDS_BEFORE", "1"),  # as SHARDS
        ("SHARDS", "1.5"),
        ("SHARDS", "-1"),
        ("SHARDS", "\u0663"),
        ("SHARDS", "1" * 5000),
        ("CHECK_INTERVAL_SECONDS", "29"),
        ("CLAIM_SECONDS", "1"),
        ("REFRESH_WINDOW_MINUTES", "56"),
        ("BACKLOG_LIMIT", "all"),
        ("CHECK_FOR", "all"),
        ("MARK_SEEN", "true"),
        ("MAX_MAIL_BYTES", "65535"),
        ("EVENT_BODY_LIMIT", "1048577"),
        ("ENCRYPTION_KEYS", _KEY),
        ("ENCRYPTION_KEYS", "k1:not base64"),
        ("ENCRYPTION_KEYS", "k1:c2hvcnQ="),
        ("ENCRYPTION_KEYS", f"k1:{_KEY},k1:{_KEY}"),
        ("ENCRYPTION_KEYS", f"k 1:{_KEY}"),
        ("WEBHOOK_URL", "http://app.example.com/hook"),
        ("WEBHOOK_URL", "ftp://app.example.com/hook"),
        ("WEBHOOK_URL", "https://app.example.com/hook#part"),
        ("WEBHOOK_URL", "https://app.example.com:0/hook"),
        ("WEBHOOK_URL", "https://app.example.com:70000/hook"),
        ("WEBHOOK_URL", "https://app.example.com\\@evil.example"),
        ("WEBHOOK_URL", "https://app.example.com/a b"),
        ("WEBHOOK_URL", "https://[::1/hook"),
        ("WEBHOOK_SECRET", _KEY),
        ("WEBHOOK_SECRET", "whsec_c2hvcnQ="),
        ("WEBHOOK_SECRET", "whsec_" + base64.b64encode(b"x" * 65).decode()),
        ("OPEN_CONNECT", "yes"),
        ("OPEN_LOGINS_LIMIT", "0"),
        ("RETURN_URLS", "https://app.example.com/path"),
        ("RETURN_URLS", "http://app.example.com"),
        ("RETURN_URLS", "https://app.example.com, javascript:alert(1)"),
        ("SMTP_HOST", "smtp office365"),
        ("SMTP_HOST", "localhost:0"),
        ("ACCESS_TOKEN_KEY", "a\x00b"),
        ("CLOUD", "usgov"),
        ("IMAP_HOST", "outlook office365"),
        ("IMAP_HOST", "outlook.office365.com:0"),
        ("IMAP_HOST", "outlook.office365.com:99999"),
        ("ALLOW_PRIVATE_ENDPOINTS", "1"),
    ],
)
def test_a_bad_value_is_named_and_nothing_else_is(name: str, value: str) -> None:
    assert set(problems(_GOOD | {name: value})) == {name}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WEBHOOK_URL", "https://user:s3cret@app.example.com/hook"),
        ("WEBHOOK_URL", "https://app.example.com:s3cret/hook"),
        ("WEBHOOK_URL", "https://user:s3cret@ex\u2100mple.com/hook"),
        ("WEBHOOK_SECRET", "whsec_s3cret!"),
        ("ENCRYPTION_KEYS", "k1:s3cret!"),
        ("ENCRYPTION_KEYS", "s3cret"),
        ("CLIENT_SECRET", "s3cret\x00"),
        ("CLIENT_SECRET_EXPIRES_ON", "soon"),
        ("CLIENT_SECRET_EXPIRES_ON", "2027-02-30"),
        ("CLIENT_SECRET_EXPIRES_ON", "2027-01-31T00:00:00Z"),
        ("STORAGE", "AccountName=s3cret"),
        ("RETURN_URLS", "https://app.example.com:s3cret"),
    ],
)
def test_i6_the_error_never_quotes_a_value(name: str, value: str) -> None:
    assert "s3cret" not in problems(_GOOD | {name: value})[name]


def test_i6_the_repr_has_no_secret() -> None:
    found = read(CLIENT_SECRET="s3cret", WEBHOOK_URL="https://app.example.com/?key=s3cret")
    for secret in ("s3cret", "AccountKey", repr(found.webhook_secret), repr(b"k" * 32)):
        assert secret not in repr(found)


def test_storage_is_that_of_the_host_unless_it_is_set() -> None:
    host, own = _GOOD["AzureWebJobsStorage"], "AccountName=own;AccountKey=a"
    assert read().storage == Storage(host, host, "")
    assert read(STORAGE=own).storage == Storage(own, host, "")


def test_the_emulators_short_form_is_spelled_out() -> None:
    found = read(AzureWebJobsStorage="UseDevelopmentStorage=true;").storage.tables
    assert "TableEndpoint=http://127.0.0.1:10002/devstoreaccount1;" in found


def test_the_newest_encryption_key_comes_first() -> None:
    older = base64.b64encode(b"o" * 32).decode()
    keys = read(ENCRYPTION_KEYS=f"k2:{_KEY}, k1:{older}").encryption_keys
    assert keys == (("k2", b"k" * 32), ("k1", b"o" * 32))


def test_a_webhook_url_may_be_http_where_private_endpoints_are_allowed() -> None:
    url = "http://localhost:9000/hook"
    assert read(WEBHOOK_URL=url, ALLOW_PRIVATE_ENDPOINTS="True").webhook_url == url


def test_return_urls_are_separated_by_commas_or_spaces() -> None:
    urls = "https://App.example.com/, http://localhost:3000\nhttps://b.example.com:8443"
    assert read(RETURN_URLS=urls).return_urls == (
        "https://app.example.com",
        "http://localhost:3000",
        "https://b.example.com:8443",
    )


@pytest.mark.parametrize(
    ("base", "secure"), [("https://unseen.example.com", True), ("http://localhost:7071", False)]
)
def test_cookies_are_secure_exactly_where_the_public_address_is_https(
    base: str, secure: bool
) -> None:
    assert read(PUBLIC_BASE_URL=base).secure_cookies is secure


def test_the_public_address_is_as_browsers_write_it() -> None:
    found = read(PUBLIC_BASE_URL="HTTPS://Unseen.Example.com/")
    assert found.public_base_url == "https://unseen.example.com"
    assert found.redirect_uri == "https://unseen.example.com/api/callback"


def test_the_authoritys_origin_has_no_path() -> None:
    found = read(AUTHORITY="https://login.microsoftonline.com/common/")
    assert found.authority == "https://login.microsoftonline.com/common"
    assert found.authority_origin == "https://login.microsoftonline.com"


_THREE = ("CLIENT_SECRET", "CLIENT_CERTIFICATE", "FEDERATED_IDENTITY_CLIENT_ID")
_PLATFORM = {"IDENTITY_ENDPOINT": "http://127.0.0.1:41/msi", "IDENTITY_HEADER": "s3cret"}


@pytest.mark.parametrize("second", _THREE[1:])
def test_two_client_credentials_are_one_too_many(second: str) -> None:
    found = problems(_GOOD | _PLATFORM | {second: "b"})
    assert found == {second: "must not be set beside CLIENT_SECRET: one of them is enough"}


def test_without_a_secret_a_managed_identity_is_enough() -> None:
    found = read(CLIENT_SECRET="", FEDERATED_IDENTITY_CLIENT_ID="0b8f2f86", **_PLATFORM)
    assert (found.client_secret, found.federated_identity_client_id) == ("", "0b8f2f86")
    assert found.identity_host == "127.0.0.1"


def test_a_managed_identity_needs_its_platform() -> None:
    found = problems(_GOOD | {"CLIENT_SECRET": "", "FEDERATED_IDENTITY_CLIENT_ID": "0b8f2f86"})
    assert set(found) == {"FEDERATED_IDENTITY_CLIENT_ID"}
    assert "IDENTITY_ENDPOINT" in found["FEDERATED_IDENTITY_CLIENT_ID"]


def test_a_certificate_that_is_none_is_named_and_not_quoted() -> None:
    found = problems(_GOOD | {"CLIENT_SECRET": "", "CLIENT_CERTIFICATE": "s3cret"})
    assert set(found) == {"CLIENT_CERTIFICATE"} and "s3cret" not in str(found)


@pytest.mark.parametrize(
    ("cloud", "authority", "imap_host", "smtp_host", "scope"),
    [
        (
            *("global", "login.microsoftonline.com/common", "outlook.office365.com"),
            *("smtp.office365.com", "https://outlook.office.com/IMAP.AccessAsUser.All"),
        ),
        (
            *("us-government", "login.microsoftonline.us/organizations", "outlook.office365.us"),
            *("smtp.office365.us", "https://outlook.office365.us/IMAP.AccessAsUser.All"),
        ),
        (
            *("us-dod", "login.microsoftonline.us/organizations", "outlook-dod.office365.us"),
            *("outlook-dod.office365.us",),
            "https://outlook-dod.office365.us/IMAP.AccessAsUser.All",
        ),
        (
            *("china", "login.chinacloudapi.cn/organizations", "partner.outlook.cn"),
            *("smtp.partner.outlook.cn", "https://partner.outlook.cn/IMAP.AccessAsUser.All"),
        ),
    ],
)
def test_a_cloud_chooses_where_everything_is(
    cloud: str, authority: str, imap_host: str, smtp_host: str, scope: str
) -> None:
    found = read(CLOUD=cloud)
    assert found.authority == f"https://{authority}"
    assert (found.imap_host, found.smtp_host_of("work")) == (imap_host, smtp_host)
    assert found.scopes == (scope, scope.replace("IMAP.AccessAsUser.All", "SMTP.Send"))
    assert read(CLOUD=cloud, SENDING="false").scopes == (scope,)


def test_what_is_set_comes_before_the_clouds_choice() -> None:
    found = read(CLOUD="china", AUTHORITY="https://a.example/common", IMAP_HOST="b.example")
    assert (found.authority, found.imap_host) == ("https://a.example/common", "b.example")


def test_a_cloud_that_is_none_is_named_alone() -> None:
    assert set(problems(_GOOD | {"CLOUD": "mars"})) == {"CLOUD"}


def test_an_app_asks_for_its_own_resource() -> None:
    assert read().cloud.app_scope == "https://outlook.office365.com/.default"


def test_mail_is_sent_where_the_kind_of_account_or_the_setting_says() -> None:
    assert read().smtp_host_of("personal") == "smtp-mail.outlook.com"
    assert (read().smtp_host_of("work"), read().smtp_port) == ("smtp.office365.com", 587)
    found = read(SMTP_HOST="localhost:1587")
    assert (found.smtp_host_of("personal"), found.smtp_port) == ("localhost", 1587)


def test_i6_the_access_token_key_is_not_in_the_repr() -> None:
    found = read(ACCESS_TOKEN_KEY="s3cret")
    assert found.access_token_key == "s3cret" and "s3cret" not in repr(found)
    assert read().access_token_key == ""


def test_an_imap_host_may_name_its_port() -> None:
    found = read(IMAP_HOST="localhost:1993")
    assert (found.imap_host, found.imap_port) == ("localhost", 1993)
