"""The dashboard's files: a page without data, its style and its modules, and what goes with them.

They are read when somebody asks for them. All that is shown comes from the API, with the key that
the page asks for; the policy lets in nothing but these files, and no text can become markup
(https://www.w3.org/TR/trusted-types/).
"""

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from shared.stylesheet import CONTROLS, MARK, TOKENS

_FOLDER = Path(__file__).with_name("dashboard")
_PAGE = "dashboard.html"
_STYLE = "dashboard.css"
_STYLES = (  # in their order, since the later ones change the earlier
    *("base", "frame", "controls", "views", "states", "chart", "accounts", "account"),
    *("forms", "gate", "phone"),
)
_ICON = "icon.svg"
_ICON_COLOUR = "#3b82f6"  # between the two of light and dark: a tab's ground is not ours

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)


@dataclass(frozen=True, slots=True)
class File:
    """What a browser gets; etag: of its content."""

    content: bytes
    mimetype: str
    etag: str

    @property
    def headers(self) -> dict[str, str]:
        """Kept by the browser and asked after each time, so that a new version is seen at once."""
        return {
            "Content-Security-Policy": _POLICY,
            "Cache-Control": "no-cache",
            "ETag": self.etag,
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "Cross-Origin-Opener-Policy": "same-origin",
        }

    def is_known(self, if_none_match: str) -> bool:
        """Whether the browser has just this one (RFC 9110, 13.1.2)."""
        return self.etag in {one.strip().removeprefix("W/") for one in if_none_match.split(",")}


def page() -> File:
    """The page itself."""
    return _file(_PAGE)


def file(name: str) -> File | None:
    """One of the files that the page asks for; None for any other name."""
    return _file(name) if name in names() else None


@cache
def names() -> frozenset[str]:
    """What the page may ask for."""
    return frozenset({_STYLE, _ICON, *(one.name for one in _FOLDER.glob("*.js"))})


@cache
def _file(name: str) -> File:
    content = _text(name).encode()
    return File(content, _TYPES[Path(name).suffix], f'"{hashlib.sha256(content).hexdigest()[:32]}"')


_TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}


def _text(name: str) -> str:
    if name == _ICON:
        drawn = 'xmlns="http://www.w3.org/2000/svg" fill="none" stroke-width="2" '
        return MARK.replace("<svg ", f"<svg {drawn}stroke={_ICON_COLOUR!r} ").replace(
            "currentColor", _ICON_COLOUR
        )
    if name == _STYLE:
        return TOKENS + CONTROLS + "".join(_read(f"{one}.css") for one in _STYLES)
    if name == _PAGE:
        # All at once, or each would be asked for when another one names it.
        modules = sorted(one for one in names() if one.endswith(".js"))
        ahead = (f'<link rel="modulepreload" href="dashboard/{one}">' for one in modules)
        return _read(_PAGE).replace("<!--modules-->", "\n".join(ahead)).replace("<!--mark-->", MARK)
    return _read(name)


def _read(name: str) -> str:
    return (_FOLDER / name).read_text("utf-8")
