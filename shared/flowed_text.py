"""format=flowed: soft line breaks taken out. Pure. RFC 3676 section 4."""

import re

_QUOTES = re.compile(">*")
_SIGNATURE = "-- "


def unwrap(text: str, *, delete_space: bool) -> str:
    """The text with each paragraph on one line; quoted lines keep their `>`.

    delete_space: what DelSp=yes says, that the space before a soft break is not part of the text.
    """
    lines: list[str] = []
    paragraph: list[str] = []
    open_depth = -1
    for line in text.split("\n"):
        depth = len(line) - len(line.lstrip(">"))
        content = line[depth:].removeprefix(" ")
        soft = content.endswith(" ") and content != _SIGNATURE
        if depth != open_depth or content in ("", _SIGNATURE):
            lines += ["".join(paragraph)] if open_depth >= 0 else []
            paragraph = ["> " if depth == 1 else ">" * depth + " " if depth else ""]
        paragraph.append(content[:-1] if soft and delete_space else content)
        open_depth = depth if soft else -1
        if not soft:
            lines.append("".join(paragraph))
    if open_depth >= 0:
        lines.append("".join(paragraph))
    return "\n".join(lines)
