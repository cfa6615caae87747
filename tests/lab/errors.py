"""What the lab says when it can't."""


class LabError(Exception):
    """One sentence for a person, with what to do; printed without a traceback."""
