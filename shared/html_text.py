"""HTML to the text that a reader would see. Pure."""

import re

MAX_CHARACTERS = 200_000
_MAX_LISTS = 200

_HIDDEN = ('[style*="display:none" i]', '[style*="display: none" i]')
_LIST_TAG = re.compile(r"</?[ou]l\b[^>]{0,1000}>", re.IGNORECASE)
_BLANK_LINES = re.compile(r"\n{3,}")


def from_html(html: str) -> str:
    """The text of the first 200,000 characters; '' where nothing is seen."""
    # Imported here: few mails need it, and a cold start should not wait for it.
    from resiliparse.extract.html2text import extract_plain_text

    html = html[:MAX_CHARACTERS]
    if len(_LIST_TAG.findall(html)) > 2 * _MAX_LISTS:
        html = _LIST_TAG.sub("", html)  # each nested list indents: thousands make gigabytes
    text = extract_plain_text(html, skip_elements=_HIDDEN)
    return _BLANK_LINES.sub("\n\n", "\n".join(line.rstrip() for line in text.split("\n"))).strip()
