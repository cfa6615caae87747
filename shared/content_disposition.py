"""Content-Disposition of an answer: a file's name, safe in a header. Pure.

RFC 6266, with RFC 8187 for a name that is not ASCII; older readers get what ASCII can say of it.
"""

import re
import unicodedata
from urllib.parse import quote

_ATTR_CHAR = "!#$&+-.^_`|~"  # RFC 8187 section 3.2.1, beside letters and digits
_NOT_PLAIN = re.compile(r'[^ -~]|["\\%]')


def value(filename: str, *, inline: bool = False) -> str:
    """`attachment; filename="…"`, and `filename*` where that does not say all.

    filename: as `attachment_names.safe` gives it; whatever it is, no header line ends in it.
    """
    kind = "inline" if inline else "attachment"
    plain = _NOT_PLAIN.sub("_", unicodedata.normalize("NFC", filename))
    if plain == filename:
        return f'{kind}; filename="{plain}"'
    extended = quote(filename.encode("utf-8", "replace"), safe=_ATTR_CHAR)
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{extended}"
