"""Where the settings say that storage is, in each of the ways that the host knows."""

import pytest

from shared import settings
from shared.errors import SettingsError
from shared.storage_settings import Storage
from tests.conftest import IDENTITY
from tests.test_settings import _GOOD, problems

_STRING = _GOOD["AzureWebJobsStorage"]

_PLATFORM = {"IDENTITY_ENDPOINT": "http://127.0.0.1:41/msi", "IDENTITY_HEADER": "header"}
_BARE = {k: v for k, v in _GOOD.items() if k != "AzureWebJobsStorage"} | _PLATFORM
_NAMED = {
    "AzureWebJobsStorage__accountName": "unseen",
    "AzureWebJobsStorage__credential": "managedidentity",
    "AzureWebJobsStorage__clientId": IDENTITY,
}
_TABLES = "https://unseen.table.core.windows.net"
_QUEUES = "https://unseen.queue.core.windows.net"


def storage(changed: dict[str, str]) -> Storage:
    return settings.read(_BARE | changed).storage


def wrong(changed: dict[str, str]) -> dict[str, str]:
    return problems(_BARE | changed)


# What is taken


def test_an_accounts_name_is_enough_for_the_system_assigned_identity() -> None:
    found = storage({"AzureWebJobsStorage__accountName": "unseen"})
    assert found == Storage(_TABLES, _QUEUES, "")
    assert (found.access, found.told(found.tables)) == (
        "managed_identity",
        "as managed identity (system-assigned)",
    )


def test_a_user_assigned_identity_is_named_by_its_client_id() -> None:
    found = storage(_NAMED)
    assert found == Storage(_TABLES, _QUEUES, IDENTITY)
    assert found.told(found.tables) == f"as managed identity {IDENTITY}"


@pytest.mark.parametrize(
    ("cloud", "suffix"),
    [
        ("global", "core.windows.net"),
        ("us-government", "core.usgovcloudapi.net"),
        ("us-dod", "core.usgovcloudapi.net"),
        ("china", "core.chinacloudapi.cn"),
    ],
)
def test_the_cloud_chooses_the_suffix(cloud: str, suffix: str) -> None:
    found = storage(_NAMED | {"CLOUD": cloud})
    assert (found.tables, found.queues) == (
        f"https://unseen.table.{suffix}",
        f"https://unseen.queue.{suffix}",
    )


def test_endpoints_may_be_named_one_by_one_as_azure_writes_them() -> None:
    found = storage(
        {
            "AzureWebJobsStorage__blobServiceUri": "https://a.blob.core.windows.net/",
            "AzureWebJobsStorage__queueServiceUri": "https://b.queue.core.windows.net/",
            "AzureWebJobsStorage__tableServiceUri": "https://c.table.core.windows.net/",
        }
    )
    assert found.tables == "https://c.table.core.windows.net"
    assert found.queues == "https://b.queue.core.windows.net"


def test_an_endpoint_comes_before_the_accounts_name() -> None:
    found = storage(
        _NAMED | {"AzureWebJobsStorage__tableServiceUri": f"{_TABLES}".replace("un", "x")}
    )
    assert (found.tables, found.queues) == ("https://xseen.table.core.windows.net", _QUEUES)


@pytest.mark.parametrize(
    "url",
    [
        "https://unseen.table.core.windows.net",
        "https://unseen.table.core.windows.net/",
        "https://unseen.z07.table.storage.azure.net",
        "https://unseen.privatelink.table.core.windows.net",
        "https://127.0.0.1:10002/devstoreaccount1",
        "http://localhost:10002/devstoreaccount1/",
        "http://[::1]:10002/devstoreaccount1",
    ],
)
def test_storage_may_be_a_table_services_url(url: str) -> None:
    found = storage({"STORAGE": url, "AzureWebJobsStorage": _STRING})
    assert found == Storage(url.rstrip("/"), _STRING, "")


def test_an_own_connection_string_goes_beside_the_hosts_identity() -> None:
    found = storage(_NAMED | {"STORAGE": _STRING})
    assert found == Storage(_STRING, _QUEUES, IDENTITY)
    assert found.access == "connection_string"
    assert found.told(found.tables) == "by connection string"


def test_an_own_url_goes_beside_a_hosts_connection_string() -> None:
    own = {"STORAGE": _TABLES, "AzureWebJobsStorage__clientId": IDENTITY}
    assert storage(own | {"AzureWebJobsStorage": _STRING}) == Storage(_TABLES, _STRING, IDENTITY)


def test_a_host_whose_storage_is_not_in_the_apps_settings_has_no_queues() -> None:
    assert storage({"STORAGE": _TABLES}).queues == ""


def test_the_hosts_settings_are_taken_as_the_host_takes_them() -> None:
    """A template writes the name like a bicep output, another leaves the string empty."""
    found = storage(
        {
            "AzureWebJobsStorage": "",
            "AzureWebJobsStorage__accountname": "unseen",
            "AzureWebJobsStorage__CREDENTIAL": "managedIdentity",
            "AzureWebJobsStorage__clientID": IDENTITY,
        }
    )
    assert found == Storage(_TABLES, _QUEUES, IDENTITY)


# What is refused


@pytest.mark.parametrize(
    ("changed", "name", "why"),
    [
        ({}, "AzureWebJobsStorage", "AzureWebJobsStorage__accountName"),
        (
            _NAMED | {"AzureWebJobsStorage": _STRING},
            "AzureWebJobsStorage__accountName",
            "a connection string or an identity, not both",
        ),
        (
            {
                "AzureWebJobsStorage": _STRING,
                "AzureWebJobsStorage__tableServiceUri": _TABLES,
            },
            "AzureWebJobsStorage__tableServiceUri",
            "not both",
        ),
        (
            {"AzureWebJobsStorage__queueServiceUri": _QUEUES},
            "AzureWebJobsStorage__tableServiceUri",
            "is not set",
        ),
        (
            _NAMED | {"AzureWebJobsStorage__credential": "clientsecret"},
            "AzureWebJobsStorage__credential",
            "must be managedidentity",
        ),
        (
            _NAMED | {"AzureWebJobsStorage__clientId": "/subscriptions/1/x"},
            "AzureWebJobsStorage__clientId",
            "which is a GUID",
        ),
        (
            _NAMED | {"AzureWebJobsStorage__managedIdentityResourceId": "/subscriptions/1/x"},
            "AzureWebJobsStorage__managedIdentityResourceId",
            "AzureWebJobsStorage__clientId",
        ),
        (
            _NAMED | {"AzureWebJobsStorage__clientSecret": "s3cret"},
            "AzureWebJobsStorage__clientSecret",
            "is not read",
        ),
        (
            _NAMED | {"AzureWebJobsStorage__accountName": "Unseen-1"},
            "AzureWebJobsStorage__accountName",
            "3 to 24 small letters and digits",
        ),
        (
            {"AzureWebJobsStorage": "https://unseen.table.core.windows.net"},
            "AzureWebJobsStorage",
            "AzureWebJobsStorage__accountName",
        ),
        (
            _NAMED | {"AzureWebJobsStorage__blobServiceUri": _TABLES},
            "AzureWebJobsStorage__blobServiceUri",
            "must be the blob endpoint",
        ),
    ],
)
def test_a_contradiction_is_named_and_nothing_else_is(
    changed: dict[str, str], name: str, why: str
) -> None:
    found = wrong(changed)
    assert set(found) == {name}
    assert why in found[name] and "s3cret" not in found[name]


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://unseen.table.core.windows.net", "must be https"),
        ("https://unseen.table.core.windows.net/accounts", "must have no path"),
        ("https://unseen.table.core.windows.net?sv=2020&sig=s3cret", "a shared access signature"),
        ("https://unseen.table.core.windows.net/?sig=s3cret", "a shared access signature"),
        ("https://unseen.blob.core.windows.net", "must be the table endpoint"),
        ("https://unseen.table.cosmos.azure.com", "must be the table endpoint"),
        ("https://table.core.windows.net", "must be the table endpoint"),
        ("https://evil.example/table.core.windows.net", "must have no path"),
        ("https://ada:s3cret@unseen.table.core.windows.net", "user name or password"),
        ("https://unseen.table.core.windows.net:s3cret", "not a valid URL"),
        ("https://unseen .table.core.windows.net", "not a valid URL"),
        ("http://127.0.0.1:10002", "the emulator's account as its path"),
        ("http://127.0.0.1:10002/devstoreaccount1/accounts", "the emulator's account as its path"),
        ("unseen.table.core.windows.net", "or the URL of a table service"),
    ],
)
@pytest.mark.parametrize("name", ["STORAGE", "AzureWebJobsStorage__tableServiceUri"])
def test_a_url_that_is_no_table_service_is_named_without_quoting_it(
    url: str, why: str, name: str
) -> None:
    found = wrong({name: url})
    assert set(found) == {name}
    assert why in found[name] or "begins with" in found[name]
    assert "s3cret" not in found[name]


@pytest.mark.parametrize("gone", _PLATFORM)
@pytest.mark.parametrize(
    "changed", [_NAMED, {"STORAGE": _TABLES}, {"AzureWebJobsStorage__tableServiceUri": _TABLES}]
)
def test_an_identity_needs_its_platform(gone: str, changed: dict[str, str]) -> None:
    found = wrong(changed | {gone: ""})
    assert list(found) == [next(iter(changed))]
    assert "IDENTITY_ENDPOINT" in found[next(iter(changed))]


def test_a_connection_string_needs_no_platform() -> None:
    assert problems(_GOOD) == {}


def test_everything_that_is_wrong_is_named_at_once() -> None:
    with pytest.raises(SettingsError) as refused:
        settings.read(
            _NAMED
            | {
                "AzureWebJobsStorage": "nonsense",
                "AzureWebJobsStorage__credential": "other",
                "AzureWebJobsStorage__clientId": "other",
                "STORAGE": "http://unseen.table.core.windows.net",
            }
        )
    named = {name for name, _ in refused.value.problems}
    assert named >= {*_NAMED, "AzureWebJobsStorage", "STORAGE", "CLIENT_ID"}


# Secrets that Azure did not put in

_REFERENCE = "@Microsoft.KeyVault(SecretUri=https://s3cret.vault.azure.net/secrets/x)"


@pytest.mark.parametrize(
    "name",
    [
        *("CLIENT_ID", "CLIENT_SECRET", "ENCRYPTION_KEYS", "WEBHOOK_SECRET", "WEBHOOK_URL"),
        *("ACCESS_TOKEN_KEY", "STORAGE", "AzureWebJobsStorage", "PUBLIC_BASE_URL", "RETURN_URLS"),
        *("SHARDS", "SENDING", "CLOUD", "IMAP_HOST", "SMTP_HOST", "CLIENT_SECRET_EXPIRES_ON"),
        "SSL_CERT_FILE",
    ],
)
@pytest.mark.parametrize("reference", [_REFERENCE, _REFERENCE.lower(), f"  {_REFERENCE}"])
def test_a_reference_that_was_not_resolved_is_named_with_what_to_check(
    name: str, reference: str
) -> None:
    found = problems(_GOOD | {name: reference})
    assert set(found) == {name}
    for said in ("Key Vault Secrets User", "keyVaultReferenceIdentity", "the secret's name"):
        assert said in found[name]
    assert "s3cret" not in found[name]


def test_a_certificate_may_be_such_a_reference_too() -> None:
    found = problems(_GOOD | {"CLIENT_SECRET": "", "CLIENT_CERTIFICATE": _REFERENCE})
    assert set(found) == {"CLIENT_CERTIFICATE"}
    assert "keyVaultReferenceIdentity" in found["CLIENT_CERTIFICATE"]
