"""Count the places in the package that are typed `Any`, so that their number only falls: a part of ``make lint``.

    python tools/count_any.py [FOLDER]

Ends with 1 when there are more than `MOST`, or fewer: then `MOST` is to be lowered to what is printed.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path

MOST = 744
"""Places typed `Any` in ``planet_vector/``; most stand for what rasterio, GDAL and shapely give: they have no types."""


def count(folder: Path) -> int:
    """Return how many names `Any` the modules of a folder use, imports aside."""
    return sum(
        isinstance(node, ast.Name) and node.id == "Any"
        for path in folder.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    )


def main() -> int:
    """Compare, and say what to do."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent / "planet_vector"
    found = count(folder)
    if found > MOST:
        print(f"{found} places are typed Any, where there were {MOST}: give the new ones a type.")
    elif found < MOST:
        print(f"{found} places are typed Any, where there were {MOST}: write {found} into tools/count_any.py.")
    return int(found != MOST)


if __name__ == "__main__":
    sys.exit(main())
