"""HTML as a reader sees it."""

import pytest

from shared import html_text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>Hello <b>Ann</b>,</p><p>yes.</p>", "Hello Ann,\n\nyes."),
        ("one<br>two", "one\ntwo"),
        ("&lt;a&gt; &amp; &#228;", "<a> & ä"),
        ("<style>p {}</style><script>x()</script><title>t</title><p>seen", "seen"),
        ("<div style='display:none'>hidden</div>seen", "seen"),
        ("<!-- comment -->seen", "seen"),
        ("<ul><li>one<li>two</ul>", "• one\n  • two"),
        ("no markup", "no markup"),
        ("<p>a</p>\n\n\n<br><br><br><p>b</p>", "a\n\nb"),
        ("<p>never ends", "never ends"),
        ("<img src=x>", ""),
        ("", ""),
    ],
)
def test_html_becomes_text(html: str, text: str) -> None:
    assert html_text.from_html(html) == text


def test_t26_thousands_of_nested_lists_do_not_indent() -> None:
    assert len(html_text.from_html("<ul><li>a" * 5_000)) < 50_000


def test_t26_only_the_beginning_is_read() -> None:
    assert "late" not in html_text.from_html("<p>early" + " " * html_text.MAX_CHARACTERS + "late")
