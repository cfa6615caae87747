"""Microsoft's clouds: where each signs in, and where its mail is. Pure.

Only `global` is tested. The others are from Microsoft's documentation:
https://learn.microsoft.com/entra/identity-platform/authentication-national-cloud
https://learn.microsoft.com/microsoft-365/enterprise/microsoft-365-endpoints
https://learn.microsoft.com/azure/azure-government/compare-azure-government-global-azure
https://learn.microsoft.com/azure/china/resources-developer-guide
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cloud:
    """authority: who may sign in unless it is set. resource: of a person's scopes; app_resource:
    of an app's own. personal_smtp_host: for accounts of Outlook.com. storage_suffix: of a storage
    account's endpoints."""

    authority: str
    resource: str
    app_resource: str
    imap_host: str
    smtp_host: str
    personal_smtp_host: str
    storage_suffix: str

    def scopes(self, *, sending: bool) -> tuple[str, ...]:
        """What a mailbox owner is asked for: one resource, so that one token serves both."""
        reading = f"{self.resource}/IMAP.AccessAsUser.All"
        return (reading, f"{self.resource}/SMTP.Send") if sending else (reading,)

    @property
    def app_scope(self) -> str:
        """What an application asks for in its own name."""
        return f"{self.app_resource}/.default"


def _sovereign(login: str, mail: str, smtp: str, storage: str) -> Cloud:
    """Without personal accounts, and with one host for all of mail."""
    resource = f"https://{mail}"
    return Cloud(f"https://{login}/organizations", resource, resource, mail, smtp, smtp, storage)


GLOBAL = Cloud(
    authority="https://login.microsoftonline.com/common",
    resource="https://outlook.office.com",
    app_resource="https://outlook.office365.com",
    imap_host="outlook.office365.com",
    smtp_host="smtp.office365.com",
    personal_smtp_host="smtp-mail.outlook.com",
    storage_suffix="core.windows.net",
)

_US = ("login.microsoftonline.us", "core.usgovcloudapi.net")
CLOUDS = {
    "global": GLOBAL,
    "us-government": _sovereign(_US[0], "outlook.office365.us", "smtp.office365.us", _US[1]),
    "us-dod": _sovereign(_US[0], "outlook-dod.office365.us", "outlook-dod.office365.us", _US[1]),
    "china": _sovereign(
        *("login.chinacloudapi.cn", "partner.outlook.cn", "smtp.partner.outlook.cn"),
        "core.chinacloudapi.cn",
    ),
}


def named(value: str) -> Cloud:
    """The cloud of that name; raises ValueError."""
    if value not in CLOUDS:
        raise ValueError(f"must be one of {', '.join(CLOUDS)}")
    return CLOUDS[value]
