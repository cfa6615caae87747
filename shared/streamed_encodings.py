"""A part's bytes decoded piece by piece, so that no more than a piece of it is there twice. Pure.

Gives what `transfer_encodings.decode` makes of the whole, wherever the pieces were cut.
"""

from collections.abc import Iterable, Iterator

from shared import transfer_encodings

_BASE64, _QUOTED_PRINTABLE = "base64", "quoted-printable"
_QUARTET = 4


def decoded(pieces: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """The decoded pieces of a body. encoding: the Content-Transfer-Encoding as stated."""
    name = transfer_encodings.name_of(encoding)
    if transfer_encodings.is_as_it_is(name):
        return iter(pieces)
    if name == _BASE64:
        return _base64(iter(pieces))
    if name == _QUOTED_PRINTABLE:
        return _lines(pieces)
    # uuencode, and what nobody knows: seldom, and seldom large.
    return iter([transfer_encodings.decode(b"".join(pieces), name)[0]])


def _base64(pieces: Iterator[bytes]) -> Iterator[bytes]:
    held = next(pieces, b"")
    if transfer_encodings.is_plain(held):
        yield held
        yield from pieces
        return
    while b"=" not in held:
        letters = transfer_encodings.letters(held)
        whole = len(letters) // _QUARTET * _QUARTET
        yield transfer_encodings.from_base64(letters[:whole])[0]
        piece = next(pieces, b"")
        held = letters[whole:] + piece
        if not piece:
            break
    # Padding ends it; what comes behind is seldom more than a line end.
    yield transfer_encodings.from_base64(held + b"".join(pieces))[0]


def _lines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Quoted-printable: no line's end is in the middle of anything."""
    held = b""
    for piece in pieces:
        held += piece
        end = held.rfind(b"\n") + 1
        yield transfer_encodings.decode(held[:end], _QUOTED_PRINTABLE)[0]
        held = held[end:]
    yield transfer_encodings.decode(held, _QUOTED_PRINTABLE)[0]
