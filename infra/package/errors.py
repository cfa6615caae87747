"""What ends a build with one sentence."""


class PackageError(Exception):
    """The package can't be built; the text says why and what to do."""
