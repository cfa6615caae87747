"""What an API caller is told who asks for what can't be."""

from collections.abc import Callable

import pytest

from shared.errors import Rejected


def refused(work: Callable[[], object]) -> tuple[str, str, int]:
    """Code, detail and status of the refusal that the work meets."""
    with pytest.raises(Rejected) as caught:
        work()
    return caught.value.code, caught.value.detail, caught.value.status
