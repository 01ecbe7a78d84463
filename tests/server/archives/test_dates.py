"""Times as people write them in files, and times that are guessed."""

from __future__ import annotations

import json
import os
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planet_vector.server.archive.fields import SceneFields, direction_or_none, file_time, first_of, time_or_none
from planet_vector.server.archive.units import GUESSED, LEFT_OUT

from ..conftest import feature, write_features, write_raster
from .conftest import Archive


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2021-06-30T24:00:00", "2021-07-01T00:00:00+00:00"),
        ("2021-12-31 24:00:00Z", "2022-01-01T00:00:00+00:00"),
        ("2021-06-30T24:00:00.000+02:00", "2021-06-30T22:00:00+00:00"),
        ("2021:06:30 24:00:00", "2021-07-01T00:00:00+00:00"),
        ("2021-06-30T24:00", "2021-07-01T00:00:00+00:00"),
        ("2021-06-30", "2021-06-30T00:00:00+00:00"),
        ("2021/06/30", "2021-06-30T00:00:00+00:00"),
        ("2021:06:30", "2021-06-30T00:00:00+00:00"),
        ("20210630", "2021-06-30T00:00:00+00:00"),
        ("20210630T091500", "2021-06-30T09:15:00+00:00"),
        ("20210630_091500.25Z", "2021-06-30T09:15:00.250000+00:00"),
        ("2021-06-30T09:15:00+02:00", "2021-06-30T07:15:00+00:00"),
        ("2021-06-30T09:15:00-0330", "2021-06-30T12:45:00+00:00"),
        (" 2021-06-30T09:15:00Z\n", "2021-06-30T09:15:00+00:00"),
        ("2021-06-30T09:15:00.1234567Z", "2021-06-30T09:15:00.123456+00:00"),
        ("2021-06-30T09:15:00.123456789012Z", "2021-06-30T09:15:00.123456+00:00"),
        ("2021-06-30 09:15:00", "2021-06-30T09:15:00+00:00"),
    ],
)
def test_what_people_write(text: str, moment: str) -> None:
    assert file_time(text).isoformat() == moment


@pytest.mark.parametrize(
    "text", ["", "soon", "2021-02-30", "20211301", "2021-06-30T24:00:01", "2021-06-30T25:00:00", "9999-12-31T24:00:00",
             "30.06.2021", "20210630Z", "2021-06-30T09:15:00+25:00", "0000-01-01"]
)  # fmt: skip
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(ValueError):
        file_time(text)
    assert time_or_none(text) is None


@given(st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1)), st.integers(-14 * 60, 14 * 60))
def test_any_zone_is_read(moment: datetime, minutes: int) -> None:
    aware = moment.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    assert file_time(aware.isoformat()) == aware


def test_the_first_source_that_has_a_field_wins_and_a_guess_stays_one() -> None:
    june, july = (datetime(2021, month, 1, tzinfo=timezone.utc) for month in (6, 7))
    guess = SceneFields(acquired=july, guessed=("acquired",), gsd=3.0, v0={"camera": {"bit_depth": 8}, "a": 1})
    found = first_of(SceneFields(cloud_percent=5.0), SceneFields(gsd=4.0, v0={"camera": {"gain": 2}, "a": 2}), guess)
    assert (found.acquired, found.guessed, found.gsd, found.cloud_percent) == (july, ("acquired",), 4.0, 5.0)
    assert found.v0 == {"camera": {"bit_depth": 8, "gain": 2}, "a": 2}
    assert found.to_feature("x")["properties"]["guessed"] == ["acquired"]  # type: ignore[index]
    assert first_of(SceneFields(acquired=june), guess).guessed == ()
    assert SceneFields.of_json(json.loads(json.dumps(found.to_json()))) == found


def test_the_time_of_a_file_is_marked_in_the_report_and_the_metadata(archive: Archive) -> None:
    write_raster(archive.root / "mtime.tif", size=8)
    write_raster(archive.root / "20150903_072559_1_0b0a.tif", size=8)
    write_raster(archive.root / "tagged.tif", size=8, tags={"TIFFTAG_DATETIME": "2014:09:22 24:00:00"})
    write_raster(archive.root / "side.tif", size=8)
    side = feature("side")
    del side["properties"]["acquired"]
    (archive.root / "side_metadata.json").write_text(json.dumps(side))
    for name in ("mtime", "side"):
        os.utime(archive.root / f"{name}.tif", (10**9, 10**9))
    found = archive.index()
    assert found.lines[LEFT_OUT] == []
    told = "is dated by its modification time, 2001-09-09T01:46:40+00:00"
    assert found.told(GUESSED) == {"mtime.tif": told, "side.tif": told}
    marked = {
        scene_id: (scene.feature["properties"].get("guessed"), scene.fields.guessed)  # type: ignore[attr-defined]
        for scene_id, scene in found.scenes.items()
    }
    assert marked == {
        "mtime": (["acquired"], ("acquired",)),
        "side": (["acquired"], ("acquired",)),
        "20150903_072559_1_0b0a": (None, ()),
        "tagged": (None, ()),
    }
    assert found.scenes["tagged"].fields.acquired == datetime(2014, 9, 23, tzinfo=timezone.utc)
    assert found.report.notes == {GUESSED: 2}


def test_times_in_lists_are_written_as_the_api_has_them(archive: Archive) -> None:
    write_features(archive.root / "a.json", [feature("x", "2021-06-30T24:00:00"), feature("y", "20210630")])
    found = archive.index()
    said = {scene_id: scene.feature["properties"]["acquired"] for scene_id, scene in found.scenes.items()}  # type: ignore[index]
    assert said == {"x": "2021-07-01T00:00:00+00:00", "y": "2021-06-30T00:00:00+00:00"}


@given(st.floats(-360, 360))
def test_a_direction_is_the_same_from_0_to_360(degrees: float) -> None:
    found = direction_or_none(repr(degrees))
    assert found is not None and 0 <= found <= 360
    assert (found - degrees) % 360 == pytest.approx(0, abs=1e-9) or (found - degrees) % 360 == pytest.approx(360)


@pytest.mark.parametrize("value", [None, "", "north", "-9999", 361, float("nan"), True])
def test_other_values_are_no_direction(value: object) -> None:
    assert direction_or_none(value) is None
