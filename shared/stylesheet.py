"""The style of all pages, the login pages' hash for their policy, and the drawings. Pure.

TOKENS (the colours) and CONTROLS (type, buttons, fields) are the dashboard's too; its layout is
in `shared/dashboard`. Light and dark by the system's choice, from phone to desktop.
No fonts or pictures: a page asks nobody for anything. Each colour of a text has a contrast of 4.5
or more on its ground.
"""

import base64
import hashlib

TOKENS = """
:root{color-scheme:light dark;--ink:#17181c;--soft:#565b66;--line:#d5d8df;--edge:#7c828f;
--paper:#fff;--ground:#f2f4f8;--tint:#f2f4f8;--act:#1557c0;--press:#0f479f;--on:#fff;
--act-tint:#e6eefb;--good:#11703a;--good-tint:#e2f4e8;--note:#7a4d00;--note-tint:#fcf0d8;
--bad:#b3261e;--bad-tint:#fde8e6}
@media(prefers-color-scheme:dark){:root{--ink:#eceef2;--soft:#a8adb8;--line:#343842;--edge:#7f8694;
--paper:#1b1e24;--ground:#101216;--tint:#262a32;--act:#8ab4ff;--press:#a9c8ff;--on:#0b1a33;
--act-tint:#1d2b45;--good:#72d698;--good-tint:#17352a;--note:#f2c46d;--note-tint:#3a2f17;
--bad:#ff9a90;--bad-tint:#42211f}}
"""
CONTROLS = """
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{margin:0;background:var(--ground);color:var(--ink);
font:1rem/1.6 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif}
svg{display:block;flex:none;fill:none;stroke:currentColor;stroke-width:2;stroke-linecap:round;
stroke-linejoin:round}
.who{display:flex;align-items:center;gap:.6rem;font-weight:600}
.who svg{width:1.75rem;height:1.75rem;color:var(--act)}
h1{font-size:1.5rem;line-height:1.25;letter-spacing:-.01em;margin:0 0 .75rem;text-wrap:pretty}
h2{font-size:1rem;line-height:1.4;margin:0 0 .5rem}
p{margin:0 0 1rem}
label{display:block;font-weight:600;margin:0 0 .4rem}
input,select,textarea{min-height:2.9rem;padding:.6rem .8rem;border:1px solid var(--edge);
border-radius:10px;background:transparent;color:inherit;font:inherit}
button,.button{min-height:2.9rem;padding:.65rem 1.25rem;border:1px solid transparent;
border-radius:10px;background:var(--act);color:var(--on);font:inherit;font-weight:600;
line-height:1.5;text-align:center;text-decoration:none;cursor:pointer}
button:hover,.button:hover{background:var(--press)}
.quiet{background:transparent;border-color:var(--edge);color:var(--act)}
.quiet:hover{background:var(--tint)}
a{color:var(--act);text-underline-offset:.18em}
:focus-visible{outline:3px solid var(--act);outline-offset:2px}
code{font:.85rem/1.5 ui-monospace,"Cascadia Mono",Menlo,Consolas,monospace;color:var(--soft)}
"""
_LOGIN = """
body{min-height:100vh;min-height:100dvh;display:grid;align-content:center;justify-items:center;
padding:1rem}
main{width:100%;max-width:29rem;background:var(--paper);border:1px solid var(--line);
border-radius:16px;padding:1.5rem;overflow-wrap:anywhere;box-shadow:0 1px 2px rgb(16 24 40/.06)}
@media(min-width:40rem){main{padding:2.5rem;box-shadow:0 12px 40px rgb(16 24 40/.09)}}
.who{margin:0 0 1.75rem}
.mood{width:3rem;height:3rem;padding:.65rem;stroke-width:2.25;border-radius:50%;margin:0 0 1rem}
.good .mood{color:var(--good);background:var(--good-tint)}
.note .mood,.wait .mood{color:var(--note);background:var(--note-tint)}
.bad .mood{color:var(--bad);background:var(--bad-tint)}
ul{list-style:none;margin:1.25rem 0;padding:0}
li{position:relative;padding:0 0 0 1.9rem;margin:0 0 .6rem}
li::before{content:"";position:absolute;left:.35rem;top:.38rem;width:.4rem;height:.75rem;
border:solid var(--good);border-width:0 2px 2px 0;transform:rotate(45deg)}
.address code{display:block;padding:.6rem .8rem;border-radius:10px;background:var(--tint);
color:var(--ink);font-size:.95rem}
form,.next{margin:1.5rem 0 0}
form+form{border-top:1px solid var(--line);padding-top:1.5rem}
input[type=email]{display:block;width:100%;margin:0 0 .9rem}
button,.button{display:block;width:100%}
.code{border-top:1px solid var(--line);margin:1.75rem 0 0;padding-top:1rem;color:var(--soft);
font-size:.85rem}
@media print{body{background:none}main{border:0;box-shadow:none}}
"""
STYLE = TOKENS + CONTROLS + _LOGIN
HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()

_DRAWING = '<svg {}viewBox="0 0 24 24" aria-hidden="true" focusable="false">{}</svg>'
# An envelope with the dot of unread mail.
MARK = _DRAWING.format(
    "",
    '<path d="M14 5H4a1 1 0 0 0-1 1v12a1 1 0 0 0 1 1h16a1 1 0 0 0 1-1v-7"/>'
    '<path d="m3.5 7 8.5 6.5 3.5-2.7"/>'
    '<circle cx="19" cy="5.5" r="2.5" fill="currentColor"/>',
)
MOODS = {
    "good": _DRAWING.format('class="mood" ', '<path d="m5 12.5 4.5 4.5L19 7.5"/>'),
    "wait": _DRAWING.format(
        'class="mood" ',
        '<path d="M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18Z"/><path d="M12 7.5V12l3 2"/>',
    ),
    "note": _DRAWING.format('class="mood" ', '<path d="M12 11v8"/><path d="M12 5.5v.5"/>'),
    "bad": _DRAWING.format('class="mood" ', '<path d="M12 4.5v9"/><path d="M12 18.5v.5"/>'),
}
