"""A clock for apps in this process: time passes when the test says so."""

from datetime import datetime, timedelta


class Clock:
    """Stands at `at`."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at

    def forward(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)
