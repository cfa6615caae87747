"""NotAzure: stands in for `az` and `azd` on PATH, and keeps what they would have changed.

Flags and answers follow the az reference (learn.microsoft.com/cli/azure) and azd's; a flag that a
command does not have is refused, as by the real ones. The two commands are shell scripts that hand
their arguments to this process: a hook makes dozens of calls, which are to cost little.
"""

import json
import os
import signal
import socket
import socketserver
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

TENANT = "7aa00000-0000-4000-8000-0000000000aa"
OFFICER = "0ff1ce00-0000-4000-8000-00000000000f"

_COMMAND = """#!/bin/bash
exec 3<>/dev/tcp/127.0.0.1/{port}
printf '%s\\0' "$PPID" {name} "$@" END >&3
read -r code <&3
if [ "$code" = 0 ]; then cat <&3; else cat <&3 >&2; fi
exit "$code"
"""
_GLOBAL = {"--output", "--only-show-errors", "--query", "--subscription", "--no-prompt"}
_SWITCHES = {"--append", "--only-show-errors", "--show-mine", "--no-prompt"}
FLAGS = {
    "az account show": set[str](),
    "az ad signed-in-user show": set(),
    "az ad sp show": {"--id"},
    "az ad app show": {"--id"},
    "az ad app list": {"--display-name", "--show-mine"},
    "az ad app create": {
        *("--display-name", "--sign-in-audience", "--requested-access-token-version"),
        *("--required-resource-accesses", "--web-redirect-uris"),
    },
    "az ad app update": {
        *("--id", "--sign-in-audience", "--requested-access-token-version"),
        *("--required-resource-accesses", "--web-redirect-uris"),
    },
    "az ad app credential list": {"--id"},
    "az ad app credential reset": {"--id", "--append", "--display-name", "--end-date"},
    "az ad app credential delete": {"--id", "--key-id"},
    "az ad app federated-credential list": {"--id"},
    "az ad app federated-credential create": {"--id", "--parameters"},
    "az ad app federated-credential delete": {"--id", "--federated-credential-id"},
    "az keyvault show-deleted": {"--name"},
    "az keyvault secret list": {"--vault-name"},
    "az keyvault secret list-versions": {"--vault-name", "--name"},
    "az keyvault secret show": {"--vault-name", "--name"},
    "az keyvault secret set": {"--vault-name", "--name", "--file", "--encoding", "--tags"},
    "az functionapp config appsettings set": {"--name", "--resource-group", "--settings"},
    "az rest": {"--method", "--url"},
    "azd env get-values": set(),
    "azd env set": set(),
}


class Refused(Exception):
    """What the real one would say on stderr before it exits with 1."""


class _Server(socketserver.ThreadingTCPServer):
    serve: Callable[[socket.socket], None]


class _Request(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        assert isinstance(self.server, _Server)
        self.server.serve(self.request)


class NotAzure:
    """`az` and `azd` are in `folder`; they serve until `stop`.

    state: what it holds. refuses: what a command is answered, by a part of its name. dies: the
    command, and whether before or after it, at which whoever called is killed.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state: dict[str, Any] = {
            **{"env": {"AZURE_ENV_NAME": "lab"}, "apps": [], "vault": {}, "app_settings": {}},
            **{"signed_in": "user", "deleted_vaults": [], "forbidden": 0, "refreshed": 0},
        }
        self.refuses: dict[str, str] = {}
        self.dies: tuple[str, str] | None = None
        self.calls: list[list[str]] = []
        self._server = _Server(("127.0.0.1", 0), _Request)
        self._server.serve = self._serve
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        for name in ("az", "azd"):
            port = self._server.server_address[1]
            (folder / name).write_text(_COMMAND.format(port=port, name=name))
            (folder / name).chmod(0o755)

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _serve(self, connection: socket.socket) -> None:
        said = b""
        while not said.endswith(b"\0END\0"):
            said += connection.recv(65536)
        caller, program, *arguments = said.decode().split("\0")[:-2]
        try:
            answer = self._call(int(caller), program, arguments)
            told = "0\n" + ("" if answer is None else json.dumps(answer))
        except Refused as refused:
            told = f"1\n{refused}"
        connection.sendall(told.encode())

    def _call(self, caller: int, program: str, arguments: list[str]) -> Any:
        verb, values, rest = _parse(program, arguments)
        self.calls.append([program, *arguments])
        self._die("before", verb, caller)
        for part, said in self.refuses.items():
            if part in verb:
                raise Refused(said)
        name = verb.replace(f"{program} ", "", 1).replace(" ", "_").replace("-", "_")
        act: Callable[[dict[str, list[str]], list[str]], Any] = getattr(self, name)
        answer = act(values, rest)
        self._die("after", verb, caller)
        return _queried(answer, values)

    def _die(self, when: str, verb: str, caller: int) -> None:
        if self.dies == (when, verb):
            self.dies = None
            os.kill(caller, signal.SIGKILL)
            raise Refused("killed")

    def env_get_values(self, values: dict[str, list[str]], rest: list[str]) -> Any:
        return self.state["env"]

    def env_set(self, values: dict[str, list[str]], rest: list[str]) -> None:
        self.state["env"][rest[0]] = rest[1]

    def account_show(self, values: dict[str, list[str]], rest: list[str]) -> Any:
        if not self.state["signed_in"]:
            raise Refused("ERROR: Please run 'az login' to setup account.")
        user = {"name": "grace@contoso.example", "type": self.state["signed_in"]}
        return {"id": "5b", "tenantId": TENANT, "user": user}

    def ad_signed_in_user_show(self, values: dict[str, list[str]], rest: list[str]) -> Any:
        return {"id": OFFICER}

    def ad_sp_show(self, values: dict[str, list[str]], rest: list[str]) -> Any:
        return {"id": OFFICER}

    def ad_app_list(self, values: dict[str, list[str]], rest: list[str]) -> Any:
        start = values["--display-name"][0]
        named = [app for app in self.state["apps"] if app["displayName"].startswith(start)]
        return [app for app in named if app["mine"] or "--show-mine" not in values]

    def ad_app_show(self, values: dict[str, list[str]], rest: list[str]) -> Any:
        return self._app(values)

    def ad_app_create(self, values: dict[str, list[str]], rest: list[str]) -> Any:
        app = {
            "appId": _id(),
            "displayName": values["--display-name"][0],
            "web": {"redirectUris": []},
            "passwords": [],
            "federated": [],
            "mine": True,
        }
        self.state["apps"].append(app)
        return self._change(app, values)

    def ad_app_update(self, values: dict[str, list[str]], rest: list[str]) -> None:
        self._change(self._app(values), values)

    def _change(self, app: dict[str, Any], values: dict[str, list[str]]) -> dict[str, Any]:
        if "--sign-in-audience" in values:
            app["signInAudience"] = values["--sign-in-audience"][0]
        if "--requested-access-token-version" in values:
            app["api"] = {
                "requestedAccessTokenVersion": int(values["--requested-access-token-version"][0])
            }
        if "--required-resource-accesses" in values:
            app["requiredResourceAccess"] = json.loads(
                _file(values["--required-resource-accesses"])
            )
        if "--web-redirect-uris" in values:  # replaces those that are there
            app["web"] = {"redirectUris": values["--web-redirect-uris"]}
        return app

    def ad_app_credential_list(self, values: dict[str, list[str]], rest: list[str]) -> Any:
        return [{**each, "secretText": None} for each in self._app(values)["passwords"]]

    def ad_app_credential_reset(self, values: dict[str, list[str]], rest: list[str]) -> Any:
        app = self._app(values)
        if "--append" not in values:
            app["passwords"] = []
        if len(app["passwords"]) >= 2 and "Personal" in app["signInAudience"]:
            raise Refused("ERROR: The maximum number of passwords has been reached.")
        made = {
            "keyId": _id(),
            "displayName": values["--display-name"][0],
            "endDateTime": values["--end-date"][0] + "T00:00:00Z",
            "secretText": "s3cret~" + _id(),
        }
        app["passwords"].append(made)
        return {"appId": app["appId"], "password": made["secretText"], "tenant": TENANT}

    def ad_app_credential_delete(self, values: dict[str, list[str]], rest: list[str]) -> None:
        app = self._app(values)
        kept = [each for each in app["passwords"] if each["keyId"] != values["--key-id"][0]]
        if len(kept) == len(app["passwords"]):
            raise Refused("ERROR: No credentials found with the given key id")
        app["passwords"] = kept

    def ad_app_federated_credential_list(
        self, values: dict[str, list[str]], rest: list[str]
    ) -> Any:
        return self._app(values)["federated"]

    def ad_app_federated_credential_create(
        self, values: dict[str, list[str]], rest: list[str]
    ) -> Any:
        made = {"id": _id(), **json.loads(_file(values["--parameters"]))}
        known = self._app(values)["federated"]
        if any(each["name"] == made["name"] for each in known):
            raise Refused("ERROR: FederatedIdentityCredential with that name already exists.")
        known.append(made)
        return made

    def ad_app_federated_credential_delete(
        self, values: dict[str, list[str]], rest: list[str]
    ) -> None:
        app, gone = self._app(values), values["--federated-credential-id"][0]
        app["federated"] = [each for each in app["federated"] if each["id"] != gone]

    def _app(self, values: dict[str, list[str]]) -> dict[str, Any]:
        for app in self.state["apps"]:
            if app["appId"] == values["--id"][0]:
                found: dict[str, Any] = app
                return found
        raise Refused("ERROR: Resource '…' does not exist or one of its queried …")

    def keyvault_show_deleted(self, values: dict[str, list[str]], rest: list[str]) -> Any:
        if values["--name"][0] in self.state["deleted_vaults"]:
            return {"name": values["--name"][0]}
        raise Refused("ERROR: (DeletedVaultNotFound) The specified deleted vault does not exist.")

    def keyvault_secret_list(self, values: dict[str, list[str]], rest: list[str]) -> Any:
        return [_told(name, all_[-1]) for name, all_ in self._vault(values).items()]

    def keyvault_secret_list_versions(self, values: dict[str, list[str]], rest: list[str]) -> Any:
        name = values["--name"][0]
        return [_told(f"{name}/{at}", v) for at, v in enumerate(self._vault(values).get(name, []))]

    def keyvault_secret_show(self, values: dict[str, list[str]], rest: list[str]) -> Any:
        name = values["--name"][0]
        if name not in (vault := self._vault(values)):
            raise Refused(f"ERROR: (SecretNotFound) A secret with (name/id) {name} was not found")
        return {**_told(name, vault[name][-1]), "value": vault[name][-1]["value"]}

    def keyvault_secret_set(self, values: dict[str, list[str]], rest: list[str]) -> Any:
        name = values["--name"][0]
        mode = Path(values["--file"][0]).stat().st_mode & 0o777
        tags = dict(pair.split("=", 1) for pair in values.get("--tags", []))
        version = {
            "value": Path(values["--file"][0]).read_text(),
            "tags": tags or None,
            "mode": oct(mode),
        }
        self._vault(values).setdefault(name, []).append(version)
        return {**_told(name, version), "value": version["value"]}

    def _vault(self, values: dict[str, list[str]]) -> dict[str, list[dict[str, Any]]]:
        if self.state["forbidden"]:
            self.state["forbidden"] -= 1
            raise Refused("ERROR: (Forbidden) Caller is not authorized … Inner: ForbiddenByRbac")
        vault: dict[str, list[dict[str, Any]]] = self.state["vault"]
        return vault

    def functionapp_config_appsettings_set(
        self, values: dict[str, list[str]], rest: list[str]
    ) -> Any:
        self.state["app_settings"] |= dict(pair.split("=", 1) for pair in values["--settings"])
        return []

    def rest(self, values: dict[str, list[str]], rest: list[str]) -> None:
        self.state["refreshed"] += 1


def _parse(program: str, arguments: list[str]) -> tuple[str, dict[str, list[str]], list[str]]:
    words: list[str] = []
    while arguments[len(words) :] and not arguments[len(words)].startswith("-"):
        words.append(arguments[len(words)])
    verb = next(
        (
            known
            for n in range(len(words), 0, -1)
            if (known := " ".join([program, *words[:n]])) in FLAGS
        ),
        "",
    )
    if not verb:
        raise Refused(f"{program}: '{' '.join(words)}' is not a command")
    rest = words[len(verb.split()) - 1 :]
    values: dict[str, list[str]] = {}
    flag = ""
    for word in arguments[len(words) :]:
        if word.startswith("--"):
            flag = word
            if flag not in FLAGS[verb] | _GLOBAL:
                raise Refused(f"{verb}: unrecognized arguments: {flag}")
            values[flag] = []
        else:
            values[flag].append(word)
    empty = [flag for flag, given in values.items() if not given and flag not in _SWITCHES]
    if empty:
        raise Refused(f"{verb}: expected at least one argument: {empty}")
    return verb, values, rest


def _file(given: list[str]) -> str:
    (name,) = given
    if not name.startswith("@"):
        raise Refused("JSON on a command line is broken on Windows")
    return Path(name[1:]).read_text()


def _told(name: str, version: dict[str, Any]) -> dict[str, Any]:
    return {"id": f"https://vault.example/secrets/{name}", "tags": version["tags"]}


def _id() -> str:
    return os.urandom(16).hex()


def _queried(answer: Any, values: dict[str, list[str]]) -> Any:
    return answer[values["--query"][0]] if answer and "--query" in values else answer
