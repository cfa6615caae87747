"""What a hook says instead of a traceback."""


class HookError(Exception):
    """It can't go on; the text says why and what to do."""


class NotFound(HookError):
    """What was asked for is not there."""


class NotAllowedYet(HookError):
    """A role is missing; one that was just given takes minutes to hold."""
