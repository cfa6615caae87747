"""How fast mail is parsed: messages a second on one core, seconds and peak memory of bombs."""

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CORPORA = ROOT.parent / "shared" / "corpora"
ROUNDS_SECONDS = 3

sys.path.insert(0, str(ROOT))

from shared import mail  # noqa: E402 - the project is no installed package
from tests import bombs  # noqa: E402


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--bomb", choices=bombs.BOMBS, help="only this bomb, in this process")
    if name := arguments.parse_args().bomb:
        print(f"{name:36}{_of_bomb(name)}")
        return
    # First the bombs: a process counts the memory of the one that started it as its own.
    print(f"{'bomb':36}{'MB':>8}{'seconds':>10}{'peak MB':>10}", flush=True)
    for name in bombs.BOMBS:
        subprocess.run([sys.executable, __file__, "--bomb", name], check=True)
    print(f"\n{_throughput()}")


def _of_bomb(name: str) -> str:
    raw = bombs.BOMBS[name]()
    start = time.perf_counter()
    _event(raw)
    seconds = time.perf_counter() - start
    unit = 1024 * 1024 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
    return f"{len(raw) / 1e6:8.1f}{seconds:10.2f}{peak:10.0f}"


def _throughput() -> str:
    files = sorted([*CORPORA.glob("messages/*.eml"), *CORPORA.glob("nasty/*.eml")])
    mails = [file.read_bytes() for file in files] or _made_mails()
    _events(mails)  # imports what is imported late
    rounds, start = 0, time.process_time()
    while (spent := time.process_time() - start) < ROUNDS_SECONDS:
        _events(mails)
        rounds += 1
    origin = "the corpora" if files else "mails made here (no corpora beside the project)"
    return f"{rounds * len(mails) / spent:.0f} messages/s on one core: {len(mails)} of {origin}"


def _events(mails: list[bytes]) -> None:
    for raw in mails:
        _event(raw)


def _event(raw: bytes) -> None:
    json.dumps(mail.to_event(mail.parse(raw), body_limit=64 * 1024), ensure_ascii=False)


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


if __name__ == "__main__":
    main()
