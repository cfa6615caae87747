"""`az` and `azd`: runs them, and says what their failures mean. What they print is never shown.

Values that may be secret, and JSON, go through files that only we can read: a command line is
visible to the whole machine, and Windows breaks the quotes in it.
"""

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .errors import HookError, NotFound, NotYet

_INSTALL = {
    "az": "https://learn.microsoft.com/cli/azure/install-azure-cli",
    "azd": "https://learn.microsoft.com/azure/developer/azure-developer-cli/install-azd",
}
_MOST_TOLD = 500

# In order: the first that fits says it.
_MEANINGS: list[tuple[str, type[HookError], str]] = [
    (
        r"az login|AADSTS(50076|50079|50173|70043|700082|530003)|InteractionRequired",
        HookError,
        "az is not signed in (any more). Run: az login",
    ),
    (
        r"Subscription .* not found|doesn't exist in cloud",
        HookError,
        "az does not know the environment's subscription. Sign in where it is: "
        "az login --tenant <tenant>, and look with: az account list --output table",
    ),
    (
        r"ForbiddenByRbac|not authorized to perform action|Caller is not authorized",
        NotYet,
        "the vault does not let this account at its secrets (role Key Vault Secrets Officer)",
    ),
    (
        r"CredentialInvalidLifetime|lifetime exceeds",
        HookError,
        "a policy of the tenant does not allow a client secret that long. Choose fewer days: "
        "azd env set CLIENT_SECRET_DAYS 90; azd env set CLIENT_SECRET_EXPIRES_ON ''",
    ),
    (
        r"CredentialTypeNotAllowed",
        HookError,
        "a policy of the tenant allows no client secrets. Use a certificate "
        "(azd env set CLIENT_CREDENTIAL certificate) or, for work accounts only, none "
        "(azd env set CLIENT_CREDENTIAL federated): docs/registering.md",
    ),
    (
        r"TooManyRequests|throttl",
        HookError,
        "Azure is asked too much just now. Try again in a minute",
    ),
    (
        r"TooMany\w*|maximum number of|exceeds? the (maximum|limit|quota)",
        HookError,
        "the registration has as many client secrets as it may (two, where personal accounts may "
        "sign in). Once the newest is in use everywhere, drop the others: "
        "python -m infra.hooks retire",
    ),
    (
        r"Insufficient privileges|Authorization_RequestDenied",
        HookError,
        "this account may not register applications in its tenant. Either have its administrator "
        "give it the role Application Developer; or register by hand, there or in any other "
        "tenant (docs/registering.md), and say so: azd env set REGISTRATION manual; "
        "azd env set CLIENT_ID <application (client) id>",
    ),
    (
        r"deleted but recoverable|ObjectIsDeletedButRecoverable",
        HookError,
        "a secret of that name was deleted from the vault and can be had back: "
        "az keyvault secret list-deleted, az keyvault secret recover",
    ),
    (
        r"SecretNotFound|DeletedVaultNotFound|ResourceNotFound|Request_ResourceNotFound"
        r"|does not exist|No deleted Vault",
        NotFound,
        "it is not there",
    ),
    (
        r"getaddrinfo|Max retries exceeded|Connection (refused|reset|aborted)|timed out",
        NotYet,
        "Azure was not reached from here: look at the network, and try again",
    ),
]


def az(*arguments: str) -> Any:
    """What `az` answers, as JSON; None where it answers nothing."""
    answer = _run("az", *arguments, "--only-show-errors", "--output", "json")
    try:
        return json.loads(answer) if answer.strip() else None
    except ValueError:
        raise HookError(f"az {' '.join(arguments[:3])}: its answer is no JSON") from None


def azd(*arguments: str) -> str:
    return _run("azd", *arguments, "--no-prompt")


@contextmanager
def private_file(content: str) -> Iterator[str]:
    """The name of a file with this content, for us alone, and gone afterwards."""
    handle, name = tempfile.mkstemp(prefix="unseen-")  # its mode is 0600
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(content)
        yield name
    finally:
        Path(name).unlink(missing_ok=True)


def _run(program: str, *arguments: str) -> str:
    path = shutil.which(program)  # on Windows it is az.cmd
    if path is None:
        raise HookError(f"{program} is needed, and not installed: {_INSTALL[program]}")
    ran = subprocess.run(
        [path, *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
    )
    if ran.returncode:
        raise _meaning(program, arguments, ran.stderr)
    return ran.stdout


def _meaning(program: str, arguments: tuple[str, ...], said: str) -> HookError:
    what = " ".join([program, *(part for part in arguments[:4] if not part.startswith("-"))])
    for pattern, kind, text in _MEANINGS:
        if re.search(pattern, said, re.IGNORECASE):
            return kind(f"{what}: {text}.")
    return HookError(f"{what} failed: {said.strip()[:_MOST_TOLD] or 'it did not say why'}")
