#!/bin/sh
# Prints a Python 3.13 or newer that really runs: a version manager's shim may exist and fail.
# Else says what to install, and exits with 1.

runs() {
    "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 13))' >/dev/null 2>&1
}

candidates() {
    printf '%s\n' "${PYTHON:-}" python3.13 python3.14 python3
    for root in "${PYENV_ROOT:-$HOME/.pyenv}" /opt/pyenv /usr/local/pyenv; do
        for found in "$root"/versions/3.1[3-9]*/bin/python; do
            [ -x "$found" ] && printf '%s\n' "$found"
        done
    done
    if command -v uv >/dev/null 2>&1; then
        uv python find '>=3.13' 2>/dev/null
    fi
}

first() {
    candidates | while read -r candidate; do
        [ -n "$candidate" ] && runs "$candidate" && printf '%s\n' "$candidate" && break
    done
}

python=$(first)
if [ -z "$python" ] && command -v uv >/dev/null 2>&1; then
    echo "No Python 3.13 found; uv installs one ..." >&2
    uv python install 3.13 >&2 && python=$(first)
fi
if [ -z "$python" ]; then
    cat >&2 <<'TXT'
Unseen needs Python 3.13 or newer, which was not found here. Install it in one of these ways:
  uv python install 3.13        https://docs.astral.sh/uv/
  pyenv install 3.13            https://github.com/pyenv/pyenv
  apt-get install python3.13 python3.13-venv     (Debian 13, Ubuntu 25.04 and newer)
or name one that is elsewhere:  make PYTHON=/path/to/python3.13 ...
TXT
    exit 1
fi
printf '%s\n' "$python"
