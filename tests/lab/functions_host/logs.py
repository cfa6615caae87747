"""One log line per record on stderr, filtered by host.json's log levels.

A record of the app has the category `Function.NAME.User`, whatever its Python logger is called: so
it is on Azure, and host.json can't filter by Python logger.
"""

import logging
import sys
import threading
import time

from azure_functions_runtime import invocation_id_cv

running_functions: dict[str, str] = {}
"""Which function runs under an invocation id."""

_LEVELS = {
    "trace": logging.NOTSET,
    "debug": logging.DEBUG,
    "information": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "critical": logging.CRITICAL,
    "none": logging.CRITICAL + 1,
}
_HOST_CATEGORIES = ("Host.", "Function.")


class _LinePerRecord(logging.Formatter):
    """`time level logger message`; a traceback follows on lines of its own."""

    def __init__(self) -> None:
        super().__init__(
            "%(asctime)s.%(msecs)03dZ %(levelname)s %(name)s %(message)s", "%Y-%m-%dT%H:%M:%S"
        )
        self.converter = time.gmtime

    def formatMessage(self, record: logging.LogRecord) -> str:
        record.message = record.message.replace("\r", "\\r").replace("\n", "\\n")
        return super().formatMessage(record)

    def format(self, record: logging.LogRecord) -> str:
        failure = getattr(record, "failure", None)
        line = super().format(record)
        return f"{line}\n{failure.rstrip()}" if failure else line


class _CategoryFilter(logging.Filter):
    """Lets a record pass from the level of its category's longest matching prefix on."""

    def __init__(self, log_levels: dict[str, str]) -> None:
        super().__init__()
        self._thresholds = {
            prefix.lower(): _LEVELS.get(str(level).lower(), logging.INFO)
            for prefix, level in log_levels.items()
        }

    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno >= max(self._threshold(_category(record)), _floor(record))

    def _threshold(self, category: str) -> int:
        matching = [prefix for prefix in self._thresholds if category.lower().startswith(prefix)]
        return self._thresholds.get(max(matching, key=len, default="default"), logging.INFO)


def configure_logs(log_levels: dict[str, str], *, debug: bool) -> None:
    """Send every logger's records to stderr; `debug` lets the app's debug records through too."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_LinePerRecord())
    handler.addFilter(_CategoryFilter(log_levels))
    logging.basicConfig(handlers=[handler], level=logging.DEBUG if debug else logging.INFO)
    # The worker library logs each call, and failures a second time.
    logging.getLogger("azure.functions").addFilter(lambda _: False)
    # aiohttp quotes a malformed request, which may be anything.
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL + 1)


def _category(record: logging.LogRecord) -> str:
    if record.name.startswith(_HOST_CATEGORIES):
        return record.name
    function = running_functions.get(invocation_id_cv.get() or "")
    return f"Function.{function}.User" if function else "Host.Worker"


def _floor(record: logging.LogRecord) -> int:
    """Keep the host's own storage requests out: their URLs are long and say nothing."""
    own = invocation_id_cv.get() is None and record.thread == threading.main_thread().ident
    return logging.WARNING if own and record.name.startswith("azure.") else logging.NOTSET
