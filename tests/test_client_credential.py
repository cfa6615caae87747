"""The three ways in which the application proves itself, against a platform that verifies them."""

import logging
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

from shared import client_certificate, instants
from shared.errors import OperatorFault, Rejected, TryAgain
from tests.conftest import IDENTITY, SUBJECT, StartApp
from tests.lab.identity_endpoint import ISSUER, IdentityEndpoint
from tests.lab.services import Services

type Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


def certified(key: Key) -> str:
    """A certificate for the key, that nobody else signed."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "unseen")])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
    )
    return builder.sign(key, SHA256()).public_bytes(Encoding.PEM).decode()


def private(key: Key, password: bytes = b"") -> str:
    encryption = BestAvailableEncryption(password) if password else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption).decode()


_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
_OTHER = rsa.generate_private_key(public_exponent=65537, key_size=2048)
_PEM = certified(_KEY)


def test_with_a_certificate_the_platform_verifies_our_signature(
    start_app: StartApp, services: Services, address: str
) -> None:
    services.microsoft.trust_certificate(_PEM)
    app = start_app(CLIENT_SECRET="", CLIENT_CERTIFICATE=private(_KEY) + _PEM)
    account = app.settled(address)
    token = app.parts.renewal.token(account, instants.now(), force=True)
    assert token.renewed


def test_a_certificate_that_is_not_registered_is_an_operators_fault(
    start_app: StartApp, services: Services, address: str
) -> None:
    services.microsoft.trust_certificate(certified(_OTHER))
    app = start_app(CLIENT_SECRET="", CLIENT_CERTIFICATE=private(_KEY) + _PEM)
    with pytest.raises(OperatorFault, match=r"operator_credentials \(AADSTS700027\)"):
        app.connect(address)


def test_a_certificate_may_have_its_chain_and_line_ends_as_one_line_writes_them() -> None:
    chain = f"Bag Attributes\n{certified(_OTHER)}{private(_KEY)}{_PEM}".replace("\n", "\\n")
    found = client_certificate.read(chain)
    assert found.certificate == _PEM
    assert len(found.thumbprint) == 40
    assert (
        found.expires_on == x509.load_pem_x509_certificate(_PEM.encode()).not_valid_after_utc.date()
    )
    assert "PRIVATE" not in repr(found)


_CURVE = ec.generate_private_key(ec.SECP256R1())


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("MIIC", "must be PEM with a certificate and its private key"),
        (_PEM, "must be PEM with a certificate and its private key"),
        (private(_KEY), "must be PEM with a certificate and its private key"),
        (private(_KEY) * 2 + _PEM, "must be PEM with a certificate and its private key"),
        (private(_OTHER) + _PEM, "does not belong to its certificate"),
        (private(_KEY, b"password") + _PEM, "must not be encrypted"),
        (private(_CURVE) + certified(_CURVE), "must have an RSA key"),
        (private(_KEY) + _PEM.replace("MII", "!!!", 1), "a certificate that can't be read"),
        (private(_KEY).replace("MII", "!!!", 1) + _PEM, "a private key that can't be read"),
    ],
)
def test_what_is_wrong_with_a_certificate_is_said_without_quoting_it(value: str, why: str) -> None:
    with pytest.raises(ValueError, match=why) as refused:
        client_certificate.read(value)
    assert "MII" not in str(refused.value)


def secretless(identity: IdentityEndpoint, client_id: str = IDENTITY) -> dict[str, str]:
    return {
        "CLIENT_SECRET": "",
        "FEDERATED_IDENTITY_CLIENT_ID": client_id,
        **identity.environment,
    }


def test_with_a_managed_identity_there_is_no_secret_at_all(
    start_app: StartApp, services: Services, identity: IdentityEndpoint, address: str
) -> None:
    services.microsoft.trust_identity(ISSUER, SUBJECT, identity.public_key)
    app = start_app(**secretless(identity))
    account = app.settled(address, "work")
    for _ in range(3):
        app.parts.renewal.token(account, instants.now(), force=True)
    assert [one["resource"] for one in identity.asked] == ["api://AzureADTokenExchange"]


def test_an_identity_that_the_registration_does_not_trust_is_an_operators_fault(
    start_app: StartApp, identity: IdentityEndpoint, address: str
) -> None:
    app = start_app(**secretless(identity))
    with pytest.raises(OperatorFault, match=r"operator_credentials \(AADSTS700213\)"):
        app.connect(address, "work")


def test_an_identity_that_is_not_there_is_named(
    start_app: StartApp, identity: IdentityEndpoint, address: str
) -> None:
    app = start_app(**secretless(identity, "another"))
    with pytest.raises(OperatorFault, match="FEDERATED_IDENTITY_CLIENT_ID"):
        app.connect(address, "work")


def test_f2_a_platform_that_does_not_answer_passes(
    start_app: StartApp,
    identity: IdentityEndpoint,
    address: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    identity.status = 503
    app = start_app(**secretless(identity))
    with caplog.at_level(logging.DEBUG), pytest.raises(TryAgain, match="managed identity"):
        app.connect(address, "work")
    assert identity.environment["IDENTITY_HEADER"] not in caplog.text


def test_t15_the_identitys_host_never_gets_a_webhook(
    start_app: StartApp, identity: IdentityEndpoint
) -> None:
    app = start_app(**secretless(identity))
    host = urlsplit(identity.environment["IDENTITY_ENDPOINT"]).hostname
    assert app.parts.settings.identity_host == host
    with pytest.raises(Rejected, match="endpoint_refused"):
        app.parts.guard.check_url(f"http://{host}:1234/hook")
