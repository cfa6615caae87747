"""App settings: the environment, as bindings refer to it."""

import os
import re

from .errors import HostError

_HOST = "AzureWebJobsStorage"
_SETTING = re.compile(r"%([^%]+)%")
_kept: dict[str, str] = {}


class SettingMissingError(Exception):
    """A binding names an app setting that is not set; carries its name."""


def resolve(text: str) -> str:
    """Put the app setting in for each `%NAME%` of a binding; raises SettingMissingError."""
    return _SETTING.sub(lambda match: _value(match[1]), text)


def keep_storage(connection: str) -> None:
    """Take this for the host's storage, whatever AzureWebJobsStorage and its parts say to the app.

    This host comes to queues by connection string only; an app may come to tables as an identity.
    """
    _kept[_HOST] = connection


def connection_string(name: str) -> str:
    """Look up the connection that a binding names, as Azure does: with the prefix first.

    Raises SettingMissingError, and HostError for an identity-based connection.
    """
    name = name or _HOST
    for candidate in (f"AzureWebJobs{name}", name):
        if candidate in _kept:
            return _kept[candidate]
        if os.environ.get(candidate):
            return os.environ[candidate]
        if any(setting.startswith(f"{candidate}__") for setting in os.environ):
            raise HostError(f"{candidate}: only connection strings are served here, no identities")
    raise SettingMissingError(name)


def is_disabled(function_name: str) -> bool:
    """Whether a setting switches the function off (`AzureWebJobs.NAME.Disabled`)."""
    names = (f"AzureWebJobs.{function_name}.Disabled", f"AzureWebJobs_{function_name}_Disabled")
    return any(os.environ.get(name, "").lower() in {"1", "true"} for name in names)


def _value(name: str) -> str:
    value = os.environ.get(name)
    if not value:
        raise SettingMissingError(name)
    return value
