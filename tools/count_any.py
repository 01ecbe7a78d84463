"""Count the uses of `Any` in type annotations, so that their number only falls; part of ``make lint``.

    python tools/count_any.py [FOLDER]

Exits with 1 if the count differs from `MOST`. If it is lower, lower `MOST` to the printed count.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path

MOST = 734
"""Uses of `Any` in ``planet_vector/``; most annotate objects of rasterio, GDAL and shapely, which are untyped."""


def count(folder: Path) -> int:
    """Return how often the modules of a folder use the name `Any`, imports aside.

    Parameters
    ----------
    folder : Path
        The folder, searched recursively.
    """
    return sum(
        isinstance(node, ast.Name) and node.id == "Any"
        for path in folder.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    )


def main() -> int:
    """Compare the count with `MOST`, and print what to do.

    Returns
    -------
    int
        The exit code: 1 if they differ.
    """
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent / "planet_vector"
    found = count(folder)
    if found > MOST:
        print(f"{found} uses of Any, expected {MOST}: add types to the new ones.")
    elif found < MOST:
        print(f"{found} uses of Any, expected {MOST}: set MOST in tools/count_any.py to {found}.")
    return int(found != MOST)


if __name__ == "__main__":
    sys.exit(main())
