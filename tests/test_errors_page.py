"""docs/errors.md is what the catalogue says."""

from shared.catalogue import ENTRIES
from tests import errors_page


def test_the_page_is_not_stale() -> None:
    assert errors_page.PAGE.read_text() == errors_page.text(), "make docs writes it anew"


def test_each_code_has_a_heading_that_a_problems_type_points_to() -> None:
    headings = [
        line[3:] for line in errors_page.PAGE.read_text().splitlines() if line.startswith("## ")
    ]
    assert headings == list(ENTRIES)
