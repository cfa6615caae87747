"""Address lists: a header's raw value to names and addresses. Pure.

One pass over tokens, so that neither nesting nor quoting makes it slow. RFC 5322 section 3.4 with
groups, comments and routes, and what is left of them in real mail.
"""

import re
from dataclasses import dataclass, field
from itertools import pairwise

from shared import charsets, header_words

MAX_ADDRESSES = 1000

_TOKEN = re.compile(
    rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|=\?[^?\s]{1,60}\?[bqBQ]\?[^?\s]*\?=|\\.|[<>,;:()]'
    rb'|[^"\\<>,;:()=]++|.',
    re.DOTALL,
)
_ESCAPE = re.compile(rb"\\(.)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Person:
    """A mailbox as written; '' where the name or the address is absent."""

    name: str
    address: str


@dataclass(slots=True)
class _Entry:
    """The tokens between two commas; address is None until an angle bracket opens."""

    words: list[bytes] = field(default_factory=list)
    comment: list[bytes] = field(default_factory=list)
    address: list[bytes] | None = None

    def person(self) -> Person | None:
        comment = _name(self.comment)
        if self.address is None:
            return self._without_brackets(comment)
        name, address = _name(self.words) or comment, _address(self.address)
        return Person(name, address) if address or name else None

    def _without_brackets(self, comment: str) -> Person | None:
        for before, token in pairwise([b"", *self.words]):
            if before.startswith(b'"') and token.startswith(b"@"):
                return Person(comment, _address([before, *token.split()[:1]]))
        pieces = b"".join(self.words).split()
        at = next((i for i in reversed(range(len(pieces))) if b"@" in pieces[i]), None)
        if len(pieces) == 1 or (at is not None and not pieces[at].strip(b"@")):
            return Person(comment, _address(pieces))  # `name`, `name @ host`
        if at is None:
            return Person(name, "") if (name := _name(self.words)) else None
        end = at + 1
        while end < len(pieces) and b"." in (pieces[end - 1][-1:], pieces[end][:1]):
            end += 1  # `name@host . tld`
        return Person(_name(pieces[:at], b" ") or comment, _address(pieces[at:end]))


@dataclass(slots=True)
class _Reader:
    """Takes one token after the other: depth of comments, whether a bracket is open."""

    people: list[Person] = field(default_factory=list)
    entry: _Entry = field(default_factory=_Entry)
    depth: int = 0
    in_brackets: bool = False

    def take(self, token: bytes) -> None:
        if self.depth or token == b"(":
            self.depth += (token == b"(") - (token == b")")
            if self.depth:  # nor the last bracket
                self.entry.comment.append(_ESCAPE.sub(rb"\1", token.replace(b"(", b" ")))
        elif self.in_brackets and self.entry.address is not None:
            self._take_in_brackets(token, self.entry.address)
        elif token in (b",", b";"):
            self.end_entry()
        elif token == b"<":
            if self.entry.address is not None:
                self.end_entry()  # a comma was forgotten
            self.entry.address, self.in_brackets = [], True
        elif token == b":" and not (self.entry.words and b"@" in self.entry.words[0]):
            self.entry = _Entry()  # what stood before it was the name of a group
        else:
            self.entry.words.append(token)

    def _take_in_brackets(self, token: bytes, address: list[bytes]) -> None:
        is_route = bool(address) and (address[0].startswith(b"@") or address == [b"mailto"])
        if token == b">":
            self.in_brackets = False
        elif token == b":" and is_route:
            address.clear()  # RFC 5322 section 4.4: what stood before it is no address
        elif token == b"," and not is_route:
            self.end_entry()  # the bracket was not closed
        else:
            address.append(token)

    def end_entry(self) -> None:
        if (self.entry.words or self.entry.address) and (person := self.entry.person()):
            self.people.append(person)
        self.entry, self.in_brackets = _Entry(), False


def read(value: bytes, limit: int = MAX_ADDRESSES) -> tuple[list[Person], bool]:
    """The people in a field, at most `limit`, and whether there were more."""
    reader = _Reader()
    for found in _TOKEN.finditer(header_words.unfold(value)):
        reader.take(found[0])
        if len(reader.people) > limit:
            return reader.people[:limit], True
    if reader.depth:  # a comment that never ends is none
        return read(value.translate(None, b"()"), limit)
    reader.end_entry()
    return reader.people[:limit], len(reader.people) > limit


def _name(tokens: list[bytes], between: bytes = b"") -> str:
    """A display name: quotes taken off, encoded words put in, one line."""
    words = between.join(_unquoted(token) for token in tokens)
    return header_words.one_line(header_words.decode_words(words))


def _address(tokens: list[bytes]) -> str:
    address = b"".join(
        token if token.startswith(b'"') else b"".join(token.split()) for token in tokens
    )
    if address.startswith(b'"') and address.endswith(b'"'):
        address = address[1:-1]
    return header_words.one_line(charsets.decode(address, None)[0])


def _unquoted(token: bytes) -> bytes:
    quoted = len(token) > 1 and token.startswith(b'"') and token.endswith(b'"')
    return _ESCAPE.sub(rb"\1", token[1:-1]) if quoted else token
