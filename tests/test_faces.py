"""Tests that run over the Scenes API v0 alone are few, and each says why."""

from __future__ import annotations

import re
from pathlib import Path

from tests.faces import DATA_V1, NO_INDEX, NO_NAMES, V0

SUITES = [Path(__file__).parent / name for name in ("raster", "vector")]

ONLY_V0 = {
    "raster/test_band_stack.py": ["NO_NAMES"] * 2,
    "raster/test_basemaps.py": ['"the saved file names links of v0"'],
    "raster/test_before.py": ['"saved files name links of v0"'],  # the whole file
    "raster/test_commands.py": ["NO_NAMES"],
    "raster/test_described.py": ['"which product the tiles of the Data API show is not documented"'],
    "raster/test_generated.py": ["NO_INDEX"],
    "raster/test_masks.py": ["NO_NAMES"],
    "raster/test_odd_rasters.py": ["NO_NAMES"],
    "raster/test_pictures.py": ['"it alone has square thumbnails"'],
    "raster/test_session.py": [
        '"a link of the Data API leads to the state of an asset, which a program must request first"'
    ],
    "raster/test_side_by_side.py": [
        '"the log of the Data API leaves out whose file it is, which is signed"',
        "NO_NAMES",
    ],
    "raster/test_whole_or_error.py": ["NO_INDEX", "NO_NAMES"],  # the first is of one way of opening
    "vector/test_driver.py": ['"items of the Data API have an address only once it is requested"'],
    "vector/test_tile_index.py": ["NO_INDEX"] * 3,
}
"""Arguments of the marker by file."""


def test_what_is_about_v0_alone_is_listed_and_says_why() -> None:
    found = {}
    for path in (path for suite in SUITES for path in sorted(suite.rglob("*.py"))):
        reasons = re.findall(r"mark\.only_v0\((.*?)\)(?:$| if)", path.read_text(), re.MULTILINE)
        if reasons:
            found[path.relative_to(SUITES[0].parent).as_posix()] = reasons
    assert found == ONLY_V0
    assert sum(map(len, found.values())) <= 19 and all(len(reason.split()) > 5 for reason in (NO_INDEX, NO_NAMES))


def test_names_and_conditions_are_spelled_as_each_service_has_them() -> None:
    name = "PLANET:ortho?cloud_cover.estimated.lte=7.5&sat.id=0905"
    where = '"cloud_cover.estimated" > 40 AND "sat.off_nadir" >= 2.5'
    assert (V0.spell(name), V0.spell(where)) == (name, where)
    assert DATA_V1.spell(name) == "PLANET:ortho?cloud_cover.lte=0.075&satellite_id=0905"
    assert DATA_V1.spell(where) == '"cloud_cover" > 0.4 AND "view_angle" >= 2.5'
    assert DATA_V1.spell("basemaps/clear/L15-0092E-1335N") == "basemaps/clear/92-1335"
    assert DATA_V1.value("cloud_cover.estimated", 2.46) == 0.0246
    assert (
        DATA_V1.named("PLANET:landsat/LC09_L1TP/band_4,band_5")
        == "PLANET:Landsat9L1G/LC09_L1TP/analytic_b4,analytic_b5"
    )
