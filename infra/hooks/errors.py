"""What a hook says instead of a traceback."""


class HookError(Exception):
    """It can't go on; the text says why and what to do."""


class NotFound(HookError):
    """What was asked for is not there."""


class NotYet(HookError):
    """A role or a name that was just made takes minutes to hold; or it never will."""
