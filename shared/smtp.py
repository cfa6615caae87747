"""SMTP submission with XOAUTH2: one mail in one short session, over STARTTLS (RFC 6409, RFC 3207).

Nothing is said before the connection is encrypted and the server's certificate is right. What a
server may say is bounded in bytes and in time.
"""

import contextlib
import smtplib
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO, NoReturn

import certifi

from shared import smtp_errors
from shared.errors import Rejected, TryAgain
from shared.imap_wire import xoauth2
from shared.settings import Settings
from shared.smtp_errors import OutcomeUnknown
from shared.watchdog import total_deadline

# A function has 230 s for an HTTP answer, and a second session may have to follow.
_SECONDS = 100
_SOCKET_SECONDS = 30
_MAX_REPLY_BYTES = 256 * 1024
_SHOWN = 500
# EHLO wants a name or an address: a function's own name is nobody's business.
_OURSELVES = "[127.0.0.1]"


@dataclass(frozen=True, slots=True)
class Envelope:
    """What the server is told (RFC 5321): `recipients` by address, each with the field it is from.

    login: whose mailbox signs in. raw: the mail, with CRLF line ends.
    """

    login: str
    sender: str
    recipients: Mapping[str, str]
    raw: bytes = field(repr=False)


class Smtp:
    """The servers that mailboxes send from; safe to share between threads.

    seconds: the total that a mail may take.
    """

    def __init__(self, settings: Settings, seconds: float = _SECONDS) -> None:
        self._settings = settings
        self._seconds = seconds
        # A context costs 30 ms.
        self._tls = ssl.create_default_context(cafile=settings.ca_file or certifi.where())

    def submit(self, kind: str, envelope: Envelope, token: str) -> str:
        """Sends one mail to all of its recipients or to none; gives what the server said.

        kind: of the account. Raises `imap_errors.TokenRefused`, OutcomeUnknown where the
        connection ended behind DATA, and what `smtp_errors.outcome` makes of a refusal: then
        nothing was sent.
        """
        with self._session(kind) as client:
            with _translated():
                self._open(client)
                _sign_in(client, xoauth2(envelope.login, token))
                _address(client, envelope)
            return _hand_over(client, envelope.raw)

    def greet(self, kind: str) -> None:
        """EHLO over STARTTLS at the server of that kind; raises TryAgain."""
        with self._session(kind) as client, _translated():
            self._open(client)

    def sign_in(self, kind: str, login: str, token: str) -> None:
        """AUTH and nothing more; raises as `submit` does."""
        with self._session(kind) as client, _translated():
            self._open(client)
            _sign_in(client, xoauth2(login, token))

    @contextlib.contextmanager
    def _session(self, kind: str) -> Iterator["_Client"]:
        """A client that is not connected yet; it says QUIT where all went well."""
        client = _Client(self._settings.smtp_host_of(kind))
        with total_deadline(self._seconds, lambda: client.sock):
            try:
                yield client
                with contextlib.suppress(OSError, smtplib.SMTPException):
                    client.putcmd("QUIT")
            finally:
                client.close()

    def _open(self, client: "_Client") -> None:
        _expect(client.connect(client.host, self._settings.smtp_port), 220)
        client.ehlo()
        client.starttls(context=self._tls)
        client.ehlo()


class _Client(smtplib.SMTP):
    """smtplib's client, not connected yet, which stops at a number of bytes."""

    def __init__(self, host: str) -> None:
        super().__init__(local_hostname=_OURSELVES, timeout=_SOCKET_SECONDS)
        self.host = host
        self._host = host  # smtplib compares the certificate with it

    def getreply(self) -> tuple[int, bytes]:
        if self.file is None and self.sock is not None:
            self.file = _Bounded(self.sock.makefile("rb"))
        return super().getreply()


class _Bounded:
    """A connection's answers; smtplib bounds a line, and a reply may have any number of lines."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._left = _MAX_REPLY_BYTES

    def readline(self, limit: int) -> bytes:
        line = self._file.readline(limit)
        self._left -= len(line)
        if self._left < 0:
            raise OSError("answer too large")
        if line and len(line) < limit and not line.endswith(b"\n"):
            raise OSError("cut within a line")  # smtplib would take a `2` of `250` for a reply
        return line

    def close(self) -> None:
        self._file.close()


def _sign_in(client: smtplib.SMTP, secret: str) -> None:
    """In two steps: a command line of 512 bytes has no room for a token (RFC 4954 section 4)."""
    status, text = client.docmd("AUTH", "XOAUTH2")
    if status == 334:
        status, text = client.docmd(secret)
    if status == 334:  # a challenge that explains a refusal: it wants an empty line
        status, text = client.docmd("")
    _expect((status, text), 235)


def _address(client: smtplib.SMTP, envelope: Envelope) -> None:
    size = [f"SIZE={len(envelope.raw)}"] if client.has_extn("size") else []
    _expect(client.mail(envelope.sender, size), 250, about_mail=True)
    for address, name in envelope.recipients.items():
        status, text = client.rcpt(address)
        if status in {250, 251}:
            continue
        error = smtp_errors.outcome(status, _shown(text))
        if isinstance(error, Rejected) and error.code == "mail_refused":
            raise Rejected("recipient_refused", name, status=422)
        raise error


def _hand_over(client: smtplib.SMTP, raw: bytes) -> str:
    """DATA: from here on only a reply says what became of the mail."""
    try:
        status, text = client.data(raw)
    except smtplib.SMTPDataError as error:
        _refused(error.smtp_code, error.smtp_error, about_mail=True)
    except (OSError, smtplib.SMTPException) as error:
        raise OutcomeUnknown(type(error).__name__) from None
    if status not in range(200, 600):  # not SMTP
        raise OutcomeUnknown(f"SMTP {status}")
    _expect((status, text), 250, about_mail=True)
    return f"{status} {_shown(text)}"


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    """Turns everything that smtplib raises before DATA into our errors, without its texts."""
    try:
        yield
    except ssl.SSLCertVerificationError as error:
        raise TryAgain("smtp_unavailable", "certificate not trusted") from error
    except smtplib.SMTPResponseException as error:
        _refused(error.smtp_code, error.smtp_error)
    except (OSError, smtplib.SMTPException) as error:
        raise TryAgain("smtp_unavailable", type(error).__name__) from None


def _expect(reply: tuple[int, bytes], wanted: int, *, about_mail: bool = False) -> None:
    if reply[0] != wanted:
        _refused(*reply, about_mail=about_mail)


def _refused(status: int, text: bytes | str, *, about_mail: bool = False) -> NoReturn:
    raise smtp_errors.outcome(status, _shown(text), about_mail=about_mail) from None


def _shown(text: bytes | str) -> str:
    """What the server said, on one line."""
    said = text.decode("ascii", "replace") if isinstance(text, bytes) else text
    return " ".join(said.split())[:_SHOWN]
