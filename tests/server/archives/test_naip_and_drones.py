"""Quarter quads of NAIP, and orthomosaics of OpenDroneMap."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from .missions import by_key, nested, only_scene, properties, scenes_in
from .planets import write_bands, write_json, write_text

QUAD = "m_3008601_ne_16_060_20211108_20220301"


@pytest.mark.parametrize("name", [QUAD, "m_4207201_sw_18_1_20101106", "m_3507844_nw_17_h_20160722"])
def test_a_quarter_quad(tmp_path: Path, name: str) -> None:
    write_bands(tmp_path / f"{name}.tif", 4, dtype="uint8")
    write_text(tmp_path / f"{name}.txt", "Identification_Information:")
    record = only_scene(tmp_path)
    date = name.split("_")[5]
    assert (record.feature["id"], record.scene_type) == (name, "naip")
    assert properties(record)["acquired"] == f"{date[:4]}-{date[4:6]}-{date[6:]}T00:00:00+00:00"
    assert nested(properties(record), "image_statistics.gsd") == pytest.approx(3, rel=0.01)
    assert properties(record)["provider"] == "usda-fsa"
    assert record.item["stac"]["naip:year"] == date[:4]
    assert record.products == {"analytic": f"{name}.tif"}
    assets = by_key(record)
    assert list(assets) == ["image", "metadata"]
    assert [(info.band.name, info.band.common) for info in assets["image"].bands] == [
        ("red", "red"), ("green", "green"), ("blue", "blue"), ("nir", "nir"),
    ]  # fmt: skip


def test_three_bands_are_a_picture(tmp_path: Path) -> None:
    write_bands(tmp_path / f"{QUAD}.tif", 3, dtype="uint8")
    record = only_scene(tmp_path)
    assert record.products == {"visual": f"{QUAD}.tif"}
    assert by_key(record)["image"].roles == ("visual",)


def test_a_project_is_a_scene(tmp_path: Path) -> None:
    project = tmp_path / "surveys" / "field_7"
    write_bands(project / "odm_orthophoto" / "odm_orthophoto.tif", 4, dtype="uint8",
                tags={"TIFFTAG_DATETIME": "2023:01:01 00:00:00"})  # fmt: skip
    write_bands(project / "odm_orthophoto" / "odm_orthophoto.original.tif", 4, dtype="uint8")
    write_bands(project / "odm_dem" / "dsm.tif", 1, dtype="float32")
    write_json(project / "odm_report" / "stats.json", {"processing_statistics": {
        "start_date": "30/06/2021 at 09:15:00", "end_date": "30/06/2021 at 09:40:30", "date": "01/07/2021 at 10:00:00",
    }})  # fmt: skip
    record = only_scene(tmp_path)
    assert (record.feature["id"], record.scene_type) == ("field_7", "drone")
    folder = "surveys/field_7"
    assert record.products == {
        "visual": f"{folder}/odm_orthophoto/odm_orthophoto.tif", "dsm": f"{folder}/odm_dem/dsm.tif",
    }  # fmt: skip
    assert properties(record)["acquired"] == "2021-06-30T09:15:00+00:00"
    assert record.item["end"] == "2021-06-30T09:40:30+00:00"
    assert list(by_key(record)) == ["orthophoto", "dsm"]
    assert [info.band.name for info in by_key(record)["orthophoto"].bands] == ["red", "green", "blue", "alpha"]


@pytest.mark.parametrize(
    "folder, expected, guessed",
    [("field_2021-06-30", "2021-06-30T00:00:00+00:00", ()), ("20210630/7", "2021-06-30T00:00:00+00:00", ()),
     ("field_7", "2020-02-02T00:00:00+00:00", ("acquired",)), ("20219999", "2020-02-02T00:00:00+00:00", ("acquired",))],
)  # fmt: skip
def test_without_a_report_the_folder_tells_the_date(tmp_path: Path, folder: str, expected: str, guessed: tuple) -> None:
    path = tmp_path / folder / "odm_orthophoto" / "odm_orthophoto.original.tif"
    # The time of processing is not that of the flight.
    write_bands(path, 5, dtype="float32", tags={"TIFFTAG_DATETIME": "2023:01:01 00:00:00"})
    os.utime(path, (1580601600, 1580601600))
    write_json(tmp_path / folder / "odm_report" / "stats.json", {"processing_statistics": {"start_date": "unknown"}})
    record = only_scene(tmp_path)
    assert properties(record)["acquired"] == expected
    assert record.guessed == guessed
    assert record.products.keys() == {"analytic"}


def test_a_project_at_the_root(tmp_path: Path) -> None:
    write_bands(tmp_path / "odm_orthophoto" / "odm_orthophoto.tif", 3, dtype="uint8")
    assert only_scene(tmp_path).feature["id"] == "odm_orthophoto"


def test_an_orthophoto_elsewhere_is_another_geotiff(tmp_path: Path) -> None:
    write_bands(tmp_path / "odm_orthophoto.tif", 3, dtype="uint8")
    found, _ = scenes_in(tmp_path)
    assert found["odm_orthophoto"].scene_type == "ortho"


def test_a_broken_report_is_reported(tmp_path: Path) -> None:
    write_bands(tmp_path / "20210630" / "odm_orthophoto" / "odm_orthophoto.tif", 3, dtype="uint8")
    write_text(tmp_path / "20210630" / "odm_report" / "stats.json", "{")
    found, problems = scenes_in(tmp_path)
    assert [p.path for p in problems] == ["20210630/odm_report/stats.json"]
    assert properties(found["20210630"])["acquired"] == "2021-06-30T00:00:00+00:00"
