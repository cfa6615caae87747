"""The long form of the flood of logins."""

from tests.conftest import StartLab
from tests.lab.flood import flood

_LIMIT = 1000  # the default


def test_t33_ten_thousand_pages_and_ten_thousand_logins(start_lab: StartLab) -> None:
    found = flood(start_lab(), gets=10_000, posts=10_000)
    print(f"\n{found}")
    assert (found.pages, found.rows_of_pages) == ({200: 10_000}, 0)
    assert set(found.answers) == {303, 429}
    # A flood that takes more than ten minutes sees logins expire, and others in their places.
    assert found.open <= _LIMIT + found.threads
    assert found.answers[303] >= _LIMIT
