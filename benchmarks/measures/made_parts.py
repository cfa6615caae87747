"""Parts of a page that are made, between two marks; the words around them stay."""


def replaced(page: str, begin: str, end: str, content: str) -> str:
    """The page with that content between the marks; raises ValueError where one is missing."""
    if page.count(begin) != 1 or end not in page.partition(begin)[2]:
        raise ValueError(f"the page needs {begin.strip()!r} once, and {end.strip()!r} after it")
    before, _, rest = page.partition(begin)
    return f"{before}{begin}{content}{end}{rest.partition(end)[2]}"
