"""The arrows of the design: function_app → functions → connector → flows → stores → adapters."""

import ast
import graphlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# From the ground up. A module imports from layers below its own, and from its own where the layer
# allows it. A new module is given its place here.
PURE = {
    *("catalogue", "errors", "ids", "instants", "schedule", "settings", "staleness", "web"),
    *("stylesheet", "pages", "dashboard_files"),
    *("id_token", "identity_errors", "imap_errors", "imap_wire", "smtp_errors", "watchdog"),
    *("make_keys", "local_settings", "findings", "logs"),
    *("guard", "guarded_sockets"),
    *("mail", "addresses", "attachment_names", "charsets", "header_fields", "header_words"),
    *("mail_body", "mail_dates", "mime_parts", "parameters", "transfer_encodings"),
    *("flowed_text", "html_text", "reply_text", "uuencoded", "bounces", "message_ids"),
    *("read_mail", "skeletons", "filters", "circuit", "pages_of", "clouds"),
    "client_certificate",
    *("table_access", "table_rows", "table_transactions", "table_wire", "table_writes"),
    *("setting_reader", "storage_settings", "managed_identity", "shards"),
    *("compose", "compose_reply", "send_limits", "room", "activity"),
    *("content_disposition", "envelopes", "message_urls", "searches", "streamed_encodings"),
}
ADAPTERS = {
    "tables",
    "vault",
    "microsoft",
    "client_credential",
    "imap",
    "smtp",
    "webhooks",
    "reach",
}
STORES = {
    *("accounts", "account_rows", "claims", "consents", "endpoints", "once", "outbox"),
    *("outbox_rows", "send_keys", "token_store", "token_move", "layout", "places"),
}
FLOWS = {
    *("connect", "connected", "enrol", "prove", "enqueue", "tend", "turn", "check", "attempts"),
    *("attempt", "breaker", "deliveries", "endpoint_admin", "endpoint_forms", "replay", "system"),
    *("deliver", "disconnect", "renew", "reader", "ledger", "mail_content", "directory", "health"),
    "health_details",
    *("events", "outcome", "mark_seen", "app_circuit", "reencrypt", "account_forms"),
    *("account_guard", "account_view", "vending", "mover", "reshard"),
    *("mailboxes", "messages", "message_forms", "message_pages", "downloads"),
    *("app_only", "tenant_tokens", "consent", "callback"),
    *("invitation_forms", "invitations", "results"),
    *("send", "send_forms"),
}
DOCTOR = {"doctor", "doctor_app", "doctor_mailbox"}
LAYERS = [PURE, ADAPTERS, STORES, FLOWS, {"connector"}, DOCTOR]
MAY_IMPORT_THEIR_OWN = [True, False, True, True, False, True]

# Who may import what others sell: each library has one place that knows it.
LIBRARIES = {
    "azure.functions": {"function_app", "functions"},
    "azure.data.tables": {"shared.table_access"},
    "azure.storage.queue": {"shared.doctor_app"},
    "msal": {"shared.microsoft", "shared.managed_identity"},
    "imapclient": {"shared.imap_wire", "shared.imap_errors"},
    "imaplib": {"shared.imap_wire", "shared.imap_errors"},
    "smtplib": {"shared.smtp"},
    "urllib3": {"shared.webhooks"},
    "cryptography": {"shared.vault", "shared.client_certificate"},
    "resiliparse": {"shared.html_text"},
    "mailparser_reply": {"shared.reply_text"},
}


def sources() -> dict[str, Path]:
    """The app's modules by dotted name."""
    files = [ROOT / "function_app.py", *ROOT.glob("functions/*.py"), *ROOT.glob("shared/*.py")]
    return {
        ".".join(file.relative_to(ROOT).with_suffix("").parts): file
        for file in sorted(files)
        if file.name != "__init__.py"
    }


def imports(file: Path, *, at_import: bool = False) -> set[str]:
    """Dotted names that a module imports, with `from x import y` as x.y; or at import only."""
    found = set()
    tree = ast.parse(file.read_text())
    nodes = tree.body if at_import else list(ast.walk(tree))
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def shared_imports(name: str) -> set[str]:
    """The modules of shared/ that one of them imports."""
    found = imports(sources()[f"shared.{name}"])
    return {one.split(".")[1] for one in found if one.startswith("shared.")}


def layer_of(module: str) -> int:
    return next(number for number, layer in enumerate(LAYERS) if module in layer)


MODULES = sorted(name.removeprefix("shared.") for name in sources() if name.startswith("shared."))


def test_every_module_has_its_place() -> None:
    assert set(MODULES) == set().union(*LAYERS)


@pytest.mark.parametrize("module", MODULES)
def test_arrows_point_down(module: str) -> None:
    own = layer_of(module)
    for imported in shared_imports(module):
        allowed = own if MAY_IMPORT_THEIR_OWN[own] else own - 1
        assert layer_of(imported) <= allowed, f"{module} imports {imported}"


def test_nothing_imports_in_circles() -> None:
    graph = {module: shared_imports(module) for module in MODULES}
    assert list(graphlib.TopologicalSorter(graph).static_order())


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_library_is_known_in_one_place(library: str) -> None:
    for name, file in sources().items():
        knows = any(f"{one}.".startswith(f"{library}.") for one in imports(file))
        at_home = name in LIBRARIES[library] or name.split(".")[0] in LIBRARIES[library]
        assert at_home or not knows, f"{name} imports {library}"


@pytest.mark.parametrize("name", [name for name in sources() if name.startswith("functions.")])
def test_triggers_know_the_connector_and_plain_values_only(name: str) -> None:
    known = {"connector", "errors", "catalogue", "instants", "web", "pages", "health", "logs"}
    known |= {"dashboard_files"}
    found = {one.split(".")[1] for one in imports(sources()[name]) if one.startswith("shared.")}
    assert found <= known


def test_only_settings_reads_the_environment() -> None:
    for name, file in sources().items():
        if name != "shared.settings":
            text = file.read_text()
            assert "os.environ" not in text and "getenv" not in text, name


def test_the_app_knows_nothing_of_tests() -> None:
    for name, file in sources().items():
        assert not any(one.split(".")[0] in {"tests", "pytest"} for one in imports(file)), name
