"""The lab's submission server is as strict as the real one, or tests on it would prove little."""

import base64
import smtplib
import ssl
from collections.abc import Iterator

import pytest

from shared import instants
from tests.conftest import StartApp
from tests.lab import submission
from tests.lab.mails import made_up
from tests.lab.services import Services
from tests.lab.stepped_app import SteppedApp


@pytest.fixture
def client(services: Services) -> Iterator[smtplib.SMTP]:
    """A connection, encrypted."""
    with smtplib.SMTP("localhost", services.submission.port) as client:
        client.starttls(context=_tls(services))
        client.ehlo()
        yield client


@pytest.fixture
def token(app: SteppedApp, address: str) -> str:
    """The access token of a mailbox."""
    account = app.settled(address)
    return app.parts.renewal.token(account, instants.now()).access_token


def _tls(services: Services) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(services.ca_file))


def sign_in(client: smtplib.SMTP, login: str, token: str) -> tuple[int, bytes]:
    assert client.docmd("AUTH", "XOAUTH2") == (334, b"")
    return client.docmd(_secret(login, token))


def _secret(login: str, token: str) -> str:
    return base64.b64encode(f"user={login}\x01auth=Bearer {token}\x01\x01".encode()).decode()


def test_nothing_is_said_in_the_clear_and_no_mail_is_taken_without_a_token(
    services: Services,
) -> None:
    with smtplib.SMTP("localhost", services.submission.port) as client:
        client.ehlo()
        assert not client.has_extn("auth")
        assert client.docmd("AUTH", "XOAUTH2")[0] == 530
        client.starttls(context=_tls(services))
        client.ehlo()
        assert client.esmtp_features["auth"].split() == ["XOAUTH2"]
        assert client.mail("ada@outlook.example")[0] == 530


def test_a_token_does_not_fit_the_command_line(
    client: smtplib.SMTP, token: str, address: str
) -> None:
    assert client.docmd("AUTH", f"XOAUTH2 {_secret(address, token)}")[0] == 500
    assert sign_in(client, address, token)[0] == 235


def test_what_is_sent_arrives_and_a_copy_is_in_sent(
    services: Services, client: smtplib.SMTP, token: str, address: str
) -> None:
    to = f"to.{address}"
    sign_in(client, address, token)
    assert not client.sendmail(address, [to], made_up(to, "Hello"))
    assert [mail.recipients for mail in services.submission.accepted] == [(to,)]
    assert len(services.dovecot.flags(to)) == 1
    assert services.dovecot.flags(address, "Sent") == {1: {"\\Seen"}}


@pytest.mark.parametrize("case", ["another login", "no token", "expired"])
def test_a_token_opens_its_own_mailbox_only(
    services: Services, client: smtplib.SMTP, token: str, address: str, case: str
) -> None:
    if case == "expired":
        services.microsoft.expire_access_tokens(address)
    login = "ada@outlook.example" if case == "another login" else address
    answer = sign_in(client, login, "EwB4" if case == "no token" else token)
    assert answer[0] == 535 and answer[1].startswith(b"5.7.3")


def test_a_token_without_the_scope_to_send_does_not(
    start_app: StartApp, client: smtplib.SMTP, address: str
) -> None:
    app = start_app(SENDING="false")
    token = app.parts.renewal.token(app.settled(address), instants.now())
    assert sign_in(client, address, token.access_token)[0] == 535


def test_nobody_sends_as_somebody_else(
    services: Services, client: smtplib.SMTP, token: str, address: str
) -> None:
    sign_in(client, address, token)
    with pytest.raises(smtplib.SMTPDataError) as refused:
        client.sendmail("ada@outlook.example", [address], made_up(address, "Hello"))
    assert (refused.value.smtp_code, refused.value.smtp_error[:6]) == (550, b"5.7.60")
    assert not services.submission.accepted


@pytest.mark.parametrize(
    ("fault", "status"),
    [(submission.BAD_TOKEN, 535), (submission.DISABLED, 535), (submission.THREAD_LIMIT, 432)],
)
def test_a_fault_meets_one_client(
    services: Services,
    client: smtplib.SMTP,
    token: str,
    address: str,
    fault: submission.Fault,
    status: int,
) -> None:
    services.submission.fail(fault)
    signed_in = sign_in(client, address, token)
    if fault.at == "AUTH":
        assert (signed_in[0], signed_in[1].decode()) == (status, fault.says.partition(" ")[2])
        assert sign_in(client, address, token)[0] == 235
    else:
        with pytest.raises(smtplib.SMTPDataError) as refused:
            client.sendmail(address, [address], made_up(address, "Hello"))
        assert refused.value.smtp_code == status
    assert not client.sendmail(address, [address], made_up(address, "Hello"))
    assert len(services.submission.accepted) == 1


@pytest.mark.parametrize(
    ("fault", "arrived"), [(submission.CUT_AFTER_DATA, 1), (submission.CUT_AND_LOST, 0)]
)
def test_a_cut_leaves_the_client_without_a_reply(
    services: Services,
    client: smtplib.SMTP,
    token: str,
    address: str,
    fault: submission.Fault,
    arrived: int,
) -> None:
    services.submission.fail(fault)
    sign_in(client, address, token)
    with pytest.raises((smtplib.SMTPServerDisconnected, ConnectionError)):
        client.sendmail(address, [address], made_up(address, "Hello"))
    assert len(services.dovecot.flags(address)) == arrived
