"""Composites of orders, and quads of basemaps."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from typing import List, Optional

import pytest
from shapely.geometry import shape

from planet_vector.server.archive.inventory import scan
from planet_vector.server.archive.kinds.mosaics import _period

from .missions import by_key, only_scene, properties, scenes_in
from .planets import EIGHT, FOUR, item_json, manifest, write_bands, write_json

TIMES = ("2022-12-21T08:40:22.5Z", "2022-12-20T08:00:00Z")


def composite(root: Path, count: int = 4, item_type: str = "PSScene", listed: bool = True) -> None:
    write_bands(root / "composite.tif", count)
    write_bands(root / "composite_udm2.tif", 8, dtype="uint8")
    files = [("composite.tif", {"bundle_type": "x"}), ("composite_udm2.tif", {"bundle_type": "x"})]
    for number, time in enumerate(TIMES):
        item = f"2022122{number}_084022_18_2414"
        write_json(root / f"{item}_metadata.json", item_json(item, item_type, acquired=time))
        files.append((f"{item}_metadata.json", {"item_id": item, "item_type": item_type}))
    if listed:
        manifest(root, files)


@pytest.mark.parametrize("listed", [True, False])
@pytest.mark.parametrize("count, expected", [(4, FOUR), (8, EIGHT), (2, ("band_1", "band_2"))])
def test_a_composite_is_one_scene(tmp_path: Path, count: int, expected: List[str], listed: bool) -> None:
    composite(tmp_path, count, listed=listed)
    record = only_scene(tmp_path)
    assert (record.scene_type, record.item_type, record.feature["id"]) == ("ortho", "", "composite")
    assert record.products == {"analytic": "composite.tif", "udm2": "composite_udm2.tif"}
    assert properties(record)["acquired"] == "2022-12-20T08:00:00+00:00"  # the earliest
    assert (record.item["start"], record.item["end"]) == (
        "2022-12-20T08:00:00+00:00", "2022-12-21T08:40:22.500000+00:00",
    )  # fmt: skip
    assert [info.band.name for info in by_key(record)["analytic"].bands] == list(expected)
    # The pixels, not the outline of a source item.
    assert shape(record.feature["geometry"]).area * 74_800 * 111_200 == pytest.approx(96**2, rel=0.05)


def test_composites_of_other_sensors_have_unnamed_bands(tmp_path: Path) -> None:
    composite(tmp_path, 4, "SkySatCollect")
    assert [info.band.name for info in by_key(only_scene(tmp_path))["analytic"].bands] == [
        "band_1", "band_2", "band_3", "band_4",
    ]  # fmt: skip


def test_composites_of_two_orders_are_two_scenes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        composite(tmp_path / name)
    units, problems = scan(tmp_path)
    assert sorted(units) == ["mosaic:a/composite", "mosaic:b/composite"]
    assert not problems


def test_a_composite_with_tools_and_bytes(tmp_path: Path) -> None:
    write_bands(tmp_path / "composite_file_format.tif", 3, dtype="uint8")
    write_bands(tmp_path / "composite_udm2_file_format.tif", 8, dtype="uint8")
    record = only_scene(tmp_path)
    assert record.products == {"visual": "composite_file_format.tif", "udm2": "composite_udm2_file_format.tif"}
    assert [info.band.name for info in by_key(record)["visual"].bands] == ["red", "green", "blue"]
    assert record.guessed == ("acquired",)


def test_composites_of_strips_have_their_own_sources(tmp_path: Path) -> None:
    """Of orders that group items by strips, each strip is a composite, with metadata of its own or of its items."""
    first, second = "2022-12-20_strip_6158805_composite", "2022-12-21_strip_6158999_composite"
    write_bands(tmp_path / f"{first}_file_format.tif", 4)
    write_bands(tmp_path / f"{first}_udm2_file_format.tif", 8, dtype="uint8")
    write_bands(tmp_path / f"{second}.tif", 8)
    write_bands(tmp_path / "2022-12-22_strip_6159000_composite.tif", 4)
    for number, strip in enumerate(("6158805", "6158999")):
        said = item_json(f"2022122{number}_084022_18_2414", "PSScene", acquired=TIMES[1 - number], strip_id=strip)
        write_json(tmp_path / f"2022122{number}_084022_18_2414_metadata.json", said)
    own = item_json(second, "PSScene", acquired="2022-12-21T08:40:00Z", cloud_cover=0.25)
    del own["properties"]["item_type"]  # type: ignore[attr-defined]
    write_json(tmp_path / f"{second}_metadata.json", own)
    found, problems = scenes_in(tmp_path)
    assert not problems
    assert set(found) == {f"{first}_file_format", second, "2022-12-22_strip_6159000_composite"}
    record = found[f"{first}_file_format"]
    assert record.products.keys() == {"analytic", "udm2"}
    assert properties(record)["acquired"] == "2022-12-20T08:00:00+00:00"
    assert properties(record)["strip_id"] == 6158805
    record = found[second]
    assert properties(record)["acquired"] == "2022-12-21T08:40:00+00:00"  # of its own metadata
    assert record.item["start"] == "2022-12-21T08:40:22.500000+00:00"
    assert properties(record)["cloud_cover"] == {"estimated": 25.0}
    assert [info.band.name for info in by_key(record)["analytic"].bands] == list(EIGHT)
    assert by_key(record)["metadata"].path == f"{second}_metadata.json"
    record = found["2022-12-22_strip_6159000_composite"]
    assert properties(record)["acquired"] == "2022-12-22T00:00:00+00:00"  # of its name
    assert not record.guessed


def test_the_metadata_of_a_composite_is_no_scene_of_its_own(tmp_path: Path) -> None:
    write_bands(tmp_path / "composite.tif", 4)
    write_json(tmp_path / "composite_metadata.json", item_json("composite", "PSScene", acquired=TIMES[0]))
    record = only_scene(tmp_path)
    assert properties(record)["acquired"] == "2022-12-21T08:40:22.500000+00:00"
    assert [info.band.name for info in by_key(record)["analytic"].bands] == list(FOUR)


def test_a_composite_that_was_synchronised_is_one_scene(tmp_path: Path) -> None:
    for product, count in (("analytic", 4), ("udm2", 8)):
        write_bands(tmp_path / f"composite_{product}.tif", count)
    said = {"acquired": "2022-12-21T08:40:22+00:00", "image_statistics": {"gsd": 3.0}}
    feature = {"type": "Feature", "id": "composite", "geometry": item_json("x", "x")["geometry"], "properties": said}
    write_json(tmp_path / "composite_metadata.json", feature)
    record = only_scene(tmp_path)
    assert record.products == {"analytic": "composite_analytic.tif", "udm2": "composite_udm2.tif"}
    assert properties(record) == said


def test_a_mask_alone_is_reported(tmp_path: Path) -> None:
    write_bands(tmp_path / "composite_udm2.tif", 8, dtype="uint8")
    found, problems = scenes_in(tmp_path)
    assert not found
    assert [p.path for p in problems] == ["composite_udm2.tif"]


def test_a_quad_is_dated_by_its_mosaic(tmp_path: Path) -> None:
    folder = tmp_path / "global_monthly_2022_09_mosaic"
    for quad in ("1465-1146", "1466-1146"):
        write_bands(folder / f"{quad}_quad.tif", 4, dtype="uint8")
    write_json(folder / "1466-1146_metadata.json", {"mosaic": "global_monthly_2022_10_mosaic", "quad": "1466-1146"})
    found, problems = scenes_in(tmp_path)
    assert not problems
    first, second = found["1465-1146_quad"], found["1466-1146_quad"]
    assert properties(first)["acquired"] == "2022-09-01T00:00:00+00:00"
    assert (first.item["start"], first.item["end"]) == (
        "2022-09-01T00:00:00+00:00", "2022-09-30T23:59:59.999999+00:00",
    )  # fmt: skip
    assert properties(second)["acquired"] == "2022-10-01T00:00:00+00:00"  # the metadata wins
    assert first.products == {"visual": "global_monthly_2022_09_mosaic/1465-1146_quad.tif"}
    assert not first.guessed


@pytest.mark.parametrize(
    "name, start, end",
    [
        ("global_monthly_2022_09_mosaic", (2022, 9), (2022, 10)),
        ("planet_medres_normalized_analytic_2021-06_2021-11_mosaic", (2021, 6), (2021, 12)),
        ("global_monthly_2022_12_mosaic", (2022, 12), (2023, 1)),
        ("global_quarterly_2019q4_mosaic", (2019, 10), (2020, 1)),
        ("global_monthly_2022_13_mosaic", None, None),
        ("planet_medres_2021-11_2021-06_mosaic", None, None),
        ("global_monthly_9999_12_mosaic", None, None),
        ("1465-1146", None, None),
    ],
)
def test_the_months_of_a_mosaic(name: str, start: Optional[tuple], end: Optional[tuple]) -> None:
    expected = None if start is None or end is None else (
        datetime(*start, 1, tzinfo=timezone.utc), datetime(*end, 1, tzinfo=timezone.utc)
    )  # fmt: skip
    assert _period(name) == expected
