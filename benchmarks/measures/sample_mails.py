"""Mails to measure with: the corpora beside the project, or mails that are made here."""

from pathlib import Path

_CORPORA = Path(__file__).resolve().parents[3] / "shared" / "corpora"


def sample_mails(*folders: str) -> list[bytes]:
    """Those of the corpora's folders; where there are no corpora, 200 replies."""
    files = sorted(file for folder in folders for file in _CORPORA.glob(f"{folder}/*.eml"))
    return [file.read_bytes() for file in files] or _made_mails()


def origin() -> str:
    """Where they come from."""
    there = _CORPORA.is_dir()
    return "of the corpora" if there else "made here (no corpora beside the project)"


def _made_mails() -> list[bytes]:
    """Replies of 4 kB with an alternative in HTML and a small attachment."""
    paragraph = "Grüße aus Köln, und danke für die schnelle Antwort. " * 20
    return [
        f"""From: =?utf-8?q?J=C3=BCrgen?= <j{number}@example.com>
To: Ann <ann@example.com>, bob@example.org
Subject: Re: =?iso-8859-1?q?Angebot_f=FCr?= {number}
Date: Wed, 31 Jan 2024 13:00:00 +0100
Message-ID: <{number}@example.com>
In-Reply-To: <first@example.com>
Content-Type: multipart/mixed; boundary=outer

--outer
Content-Type: multipart/alternative; boundary=inner

--inner
Content-Type: text/plain; charset=utf-8

{paragraph}

On Tue, 30 Jan 2024 Ann wrote:
> {paragraph}
--inner
Content-Type: text/html; charset=utf-8

<p>{paragraph}</p>
--inner--
--outer
Content-Type: image/gif; name=dot.gif
Content-Transfer-Encoding: base64

R0lGODlhAQABAAAAACwAAAAAAQABAAACAkQBADs=
--outer--
""".encode()
        for number in range(200)
    ]
