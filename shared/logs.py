"""Structured logs: one JSON object a line, with what an operator counts as fields of its own.

The Functions host hands a record's message to Application Insights as it is, and nothing else of
it; `parse_json(message)` makes the fields there (infra/queries). One correlation id goes from the
timer over the queue to the check and the delivery: the mark of the batch's claim, which the queue
message carries anyway.
"""

import contextvars
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from shared.errors import UnseenError

_correlation = contextvars.ContextVar("correlation_id", default="")


@contextmanager
def correlated(correlation_id: str) -> Iterator[None]:
    """All that is logged within has the id; threads need `carried` besides."""
    before = _correlation.set(correlation_id)
    try:
        yield
    finally:
        _correlation.reset(before)


def carried[**P, T](work: Callable[P, T]) -> Callable[P, T]:
    """The work with the id of now, for another thread."""
    correlation_id = _correlation.get()

    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        with correlated(correlation_id):
            return work(*args, **kwargs)

    return run


class Log:
    """Writes lines of one module.

    event: what happened, in snake_case. Fields hold ids, codes and numbers; never a token, an
    address or mail. An `error` of ours becomes `code` and `detail`.
    """

    def __init__(self, name: str) -> None:
        self._logger = logging.getLogger(name)

    def info(self, event: str, **fields: object) -> None:
        self.at(logging.INFO, event, **fields)

    def warning(self, event: str, **fields: object) -> None:
        self.at(logging.WARNING, event, **fields)

    def error(self, event: str, **fields: object) -> None:
        self.at(logging.ERROR, event, **fields)

    def at(self, level: int, event: str, **fields: object) -> None:
        if self._logger.isEnabledFor(level):
            self._logger.log(level, "%s", _line(event, fields), stacklevel=3)


def _line(event: str, fields: dict[str, object]) -> str:
    error = fields.pop("error", None)
    if isinstance(error, UnseenError):
        fields |= {"code": error.code, "detail": error.detail}
    elif error is not None:
        fields["kind"] = type(error).__name__  # its text may quote anything
    if correlation_id := _correlation.get():
        fields.setdefault("correlation_id", correlation_id)
    return json.dumps({"event": event, **fields})
