"""What stops the host before it serves."""


class HostError(Exception):
    """The app or its settings cannot be served; the text says what to change."""
