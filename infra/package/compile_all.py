"""Compiles a folder's modules beside them, for the interpreter that runs this; takes the folder.

The bytecode is never compared with its source again (PEP 552): a package is mounted with times of
its own, read-only, and what does not fit would be compiled anew at each cold start. Run it in a
process of its own, `python -I -S`: what marshal writes depends a little on the strings that are
already there, so the same files in the same order have to meet the same beginning.
"""

import importlib.util
import marshal
import sys
from pathlib import Path

# Where Azure puts a package: tracebacks need not be renamed at import.
_WWWROOT = "/home/site/wwwroot"
_UNCHECKED_HASH = (1).to_bytes(4, "little")


def main() -> None:
    """Compiles; ends with 1 and a sentence where a module is not Python."""
    root = Path(sys.argv[1])
    for file in sorted(root.rglob("*.py"), key=lambda one: one.relative_to(root).as_posix()):
        source = file.read_bytes()
        try:
            code = compile(
                source, f"{_WWWROOT}/{file.relative_to(root).as_posix()}", "exec", dont_inherit=True
            )
        except (SyntaxError, ValueError) as error:
            sys.exit(f"{file.relative_to(root).as_posix()}: {error}")
        target = Path(importlib.util.cache_from_source(str(file)))
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(
            importlib.util.MAGIC_NUMBER
            + _UNCHECKED_HASH
            + importlib.util.source_hash(source)
            + marshal.dumps(code)
        )


if __name__ == "__main__":
    main()
