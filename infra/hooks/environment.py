"""What azd's environment holds: settings that an operator chose, and what Bicep made of them."""

import json
import os
from collections.abc import Mapping

from .commands import azd
from .errors import HookError


class Environment:
    """azd's values go before the process's, as they do in azd."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = dict(values)

    @classmethod
    def read(cls) -> "Environment":
        """Raises HookError where there is no azd environment."""
        try:
            found = json.loads(azd("env", "get-values", "--output", "json") or "{}")
        except ValueError:
            raise HookError("azd env get-values: its answer is no JSON") from None
        return cls({**os.environ, **{name: str(value) for name, value in found.items()}})

    def get(self, name: str, default: str = "") -> str:
        return self._values.get(name, "").strip() or default

    def need(self, name: str) -> str:
        """A value that is there once `azd provision` went through."""
        if not (value := self.get(name)):
            raise HookError(f"{name} is not in the azd environment: run azd provision first")
        return value

    def choose(self, name: str, *known: str) -> str:
        """One of the known values; the first where nothing is chosen."""
        value = self.get(name, known[0]).lower()
        if value not in known:
            raise HookError(f"{name} is {value!r}, and must be one of: {', '.join(known)}")
        return value

    def days(self, name: str, default: int, most: int) -> int:
        value = self.get(name, str(default))
        if not value.isascii() or not value.isdecimal() or not 1 <= int(value) <= most:
            raise HookError(f"{name} must be a whole number from 1 to {most}")
        return int(value)

    def put(self, name: str, value: str) -> None:
        """Keeps a value that is no secret; nothing is written where it is there already."""
        if self._values.get(name) != value:
            azd("env", "set", name, value)
            self._values[name] = value
