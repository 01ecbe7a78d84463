"""``planet-vector stacks`` and ``crop``: what the specification's script does, in one line."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Callable, Dict

import pytest

rasterio = pytest.importorskip("rasterio")
import numpy as np  # noqa: E402
import shapely  # noqa: E402

from .conftest import SHOTS, Land  # noqa: E402

Run = Callable[..., Any]


@pytest.fixture
def env(land: Land) -> Dict[str, str]:
    return land.service.environ


@pytest.fixture
def aoi(tmp_path: Path) -> str:
    path = tmp_path / "aoi.geojson"
    path.write_text(shapely.to_geojson(shapely.box(11.99, 47.883, 12.01, 47.892)))  # that all scenes cover
    return str(path)


def test_stacks_are_printed_as_geojson(run: Run, env: Dict[str, str], land: Land, aoi: str) -> None:
    done = run("planet-vector", "stacks", aoi, env=env)
    assert done.returncode == 0, done.stderr
    features = [json.loads(line) for line in done.stdout.splitlines()]
    deepest = features[0]
    assert deepest["properties"]["scenes"] == [shot.name for shot in SHOTS]
    assert deepest["properties"]["depth"] == len(SHOTS)
    assert deepest["properties"]["first_acquired"] == "2015-06-01T10:00:00+00:00"
    ground = shapely.geometry.shape(deepest["geometry"])
    found = run("planet-vector", "search", aoi, env=env).stdout.splitlines()
    footprints = [shapely.geometry.shape(json.loads(line)["geometry"]) for line in found]
    assert ground.symmetric_difference(shapely.intersection_all(footprints)).area < 1e-9
    table = run("planet-vector", "stacks", aoi, "--table", env=env).stdout.splitlines()
    assert table[1].split()[0] == str(len(SHOTS)) and len(table) == len(features) + 1
    assert json.loads(run("planet-vector", "stacks", aoi, "--collection", env=env).stdout)["features"] == features
    none = run("planet-vector", "stacks", aoi, "--min-depth", "9", env=env)
    assert (none.returncode, none.stdout) == (0, "")
    assert run("planet-vector", "stacks", aoi, "--min-area", "1e9", env=env).stdout == ""


def test_one_line_crops_the_deepest_stack(run: Run, env: Dict[str, str], aoi: str, tmp_path: Path) -> None:
    crops, sheet, moving, dates = (tmp_path / name for name in ("crops", "sheet.png", "dates.gif", "dates.vrt"))
    command = ["planet-vector", "stacks", aoi, "--crop", str(crops)]
    done = run(*command, "--sheet", str(sheet), "--animate", str(moving), "--vrt", str(dates), env=env)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    lines = [line.split("\t") for line in done.stdout.splitlines()]
    paths = [Path(line[0]) for line in lines[: len(SHOTS)]]
    assert paths == [crops / f"{shot.name}_visual_crop.tif" for shot in SHOTS]
    assert all(float(line[1].rstrip(" %")) > 95 for line in lines[: len(SHOTS)])
    bands = []
    for path in paths:
        with rasterio.open(path) as dataset:
            bands += list(dataset.read())
    with rasterio.open(dates) as dataset:
        assert np.array_equal(dataset.read(), bands)
        assert dataset.descriptions[0] == f"2015-06-01T10:00:00+00:00 {SHOTS[0].name} red"
    image = pytest.importorskip("PIL.Image")
    with image.open(moving) as frames:
        assert frames.n_frames == len(SHOTS)
    # On the sheet each scene's picture is there: as many colours as land has, and white paper between.
    with image.open(sheet) as picture:
        pixels = np.asarray(picture.convert("RGB"))
    assert (pixels == 255).all(axis=2).mean() > 0.02 and len(np.unique(pixels.reshape(-1, 3), axis=0)) > 1000
    again = run(*command, env=env)
    assert again.returncode == 1 and "is there already" in again.stderr
    assert run(*command, "--overwrite", "--cog", "--resampling", "bilinear", env=env).returncode == 0


def test_what_is_left_out_is_said(run: Run, env: Dict[str, str], aoi: str, tmp_path: Path) -> None:
    command = ["planet-vector", "stacks", aoi, "--rectangle", "--crop", str(tmp_path / "crops")]
    shares = [float(line.split("\t")[1].rstrip(" %")) for line in run(*command, env=env).stdout.splitlines()]
    assert min(shares) < 100 or max(shares) == 100
    done = run(*command, "--overwrite", "--require-valid", "100", env=env)
    left_out = [line for line in done.stderr.splitlines() if "left out" in line]
    assert len(left_out) + done.stdout.count("_crop.tif") == len(SHOTS)


def test_a_search_is_cropped_through_a_pipe(run: Run, env: Dict[str, str], aoi: str, tmp_path: Path) -> None:
    expected = run("planet-vector", "stacks", aoi, "--rectangle", "--crop", str(tmp_path / "a"), env=env)
    for number, flags in enumerate(([], ["--collection"], ["--rs"], ["--names"])):
        found = run("planet-vector", "search", aoi, *flags, env=env).stdout
        done = run("planet-vector", "crop", "-", "-o", str(tmp_path / str(number)), input=found, env=env)
        assert done.returncode == 0, done.stderr
        assert done.stdout == expected.stdout.replace(str(tmp_path / "a"), str(tmp_path / str(number)))
        for path in (tmp_path / "a").iterdir():
            assert (tmp_path / str(number) / path.name).read_bytes() == path.read_bytes()


def test_scenes_are_given_by_id_and_by_name(run: Run, env: Dict[str, str], tmp_path: Path) -> None:
    first, second = SHOTS[0].name, f"PLANET:ortho/{SHOTS[3].name}/visual"
    done = run("rio", "planet", "crop", first, second, "-o", str(tmp_path / "two"), env=env)
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in (tmp_path / "two").iterdir()) == [
        f"{SHOTS[0].name}_visual_crop.tif",
        f"{SHOTS[3].name}_visual_crop.tif",
    ]
    one = tmp_path / "one"
    one.mkdir()
    assert run("rio", "planet", "crop", first, "-o", str(one), env=env).returncode == 0
    assert [path.name for path in one.iterdir()] == [f"{first}_visual_crop.tif"]


@pytest.mark.parametrize(
    ("command", "code", "told"),
    [
        (["stacks", "--sheet", "x.png"], 2, "--crop DIR"),
        (["stacks", "--overwrite"], 2, "--crop DIR"),
        (["stacks", "--crop", "x", "--table"], 2, "leave out"),
        (["stacks", "--table", "--collection"], 2, "exclude"),
        (["stacks", "--crop", "x", "--min-depth", "9"], 1, "share enough ground"),
        (["stacks", "--crop", "x", "--animate", "x.jpg"], 2, ".gif or .png"),
        (["stacks", "--crop", "x", "--product", "thermal"], 1, "no product"),
        (["stacks", "--crop", "x", "--dst-crs", "EPSG:0"], 2, "EPSG:0"),
        (["crop", "-", "-o", "x"], 2, "no scenes on stdin"),
        (["crop", "x"], 2, "--output"),
        (["crop", "a", "b", "-o", "x", "--window", "1", "2", "3", "4"], 2, "several scenes"),
        (["crop", "a", "b", "-o", "x", "--bbox", "1,2,3"], 2, "--bbox"),
        (["crop", "a", "-o", "x", "--bbox", "1,2,3,4", "--window", "1", "2", "3", "4"], 2, "exclude each other"),
        (["stacks", "POINT (12 47.885)", "--crop", "x"], 2, "--rectangle"),
        (["crop", "a", "-o", "x", "--window", "0", "0", "1", "1", "--cog"], 2, "--cog"),
        (["crop", "a", "b", "-o", "x"], 1, "no scene"),
    ],
)
def test_an_error_is_one_sentence(
    run: Run, env: Dict[str, str], tmp_path: Path, command: Any, code: int, told: str
) -> None:
    done = run("planet-vector", *command, env=env, cwd=tmp_path)
    assert done.returncode == code and told in done.stderr and "Traceback" not in done.stderr, done.stderr
    assert not list(tmp_path.iterdir())


def test_what_stands_on_stdin_is_not_believed(run: Run, env: Dict[str, str], land: Land, tmp_path: Path) -> None:
    feature = json.loads(run("planet-vector", "search", "--limit", "1", env=env).stdout)
    feature["properties"]["data"]["products"]["visual"]["full"] = "file:///etc/passwd"
    for text, told in (("{not json", "is broken (line 1, column 2"), ('{"type": "Feature"}', "no scene")):
        done = run("planet-vector", "crop", "-", "-o", str(tmp_path / "crops"), input=text, env=env)
        assert done.returncode == 2 and told in done.stderr and "Traceback" not in done.stderr, done.stderr
    assert not (tmp_path / "crops").exists()
    # The scene is asked of the service instead.
    run("planet-vector", "crop", "-", "-o", str(tmp_path / "crops"), input=json.dumps(feature), env=env)
    run("planet-vector", "crop", feature["id"], feature["id"], "-o", str(tmp_path / "again"), env=env)
    (crop,), (again,) = (list((tmp_path / name).iterdir()) for name in ("crops", "again"))
    assert crop.read_bytes() == again.read_bytes()


@pytest.mark.parametrize(("flag", "name"), [("--sheet", "x.png"), ("--vrt", "x.vrt"), ("--animate", "x.gif")])
def test_files_that_cannot_be_made_are_told_before_anything_is_fetched(
    run: Run, env: Dict[str, str], land: Land, aoi: str, tmp_path: Path, flag: str, name: str
) -> None:
    before = land.log.read_text()
    nowhere, crops = str(tmp_path / "nowhere" / name), tmp_path / "crops"
    for command in (["stacks", aoi, "--crop", str(crops)], ["crop", SHOTS[0].name, SHOTS[1].name, "-o", str(crops)]):
        done = run("planet-vector", *command, flag, nowhere, env=env)
        assert done.returncode == 1 and done.stderr.startswith("Error: There is no folder "), done.stderr
        assert not crops.exists()
    assert land.log.read_text() == before
    # The folder of the crops is made.
    within = crops / name
    done = run("planet-vector", "crop", SHOTS[0].name, SHOTS[1].name, "-o", str(crops), flag, str(within), env=env)
    assert done.returncode == 0 and within.is_file(), done.stderr


def test_scenes_far_from_the_area_are_said_to_be(run: Run, env: Dict[str, str], tmp_path: Path) -> None:
    names = [shot.name for shot in SHOTS[:2]]
    done = run("planet-vector", "crop", *names, "-o", str(tmp_path / "c"), "--bbox", "1,2,1.1,2.1", env=env)
    assert done.returncode == 2 and "share no ground with the area" in done.stderr, done.stderr
    assert "smaller" not in done.stderr


def test_a_part_of_a_product_is_cropped_by_the_id_of_its_scene(run: Run, env: Dict[str, str], tmp_path: Path) -> None:
    name, part = SHOTS[0].name, ["--bbox", "11.99,47.884,12,47.89"]
    assert (
        run(
            "rio", "planet", "crop", f"PLANET:ortho/{name}/visual", "-o", "named.tif", *part, env=env, cwd=tmp_path
        ).returncode
        == 0
    )
    for number, flags in enumerate(([], ["--scene-type", "ortho"], ["--product", "visual"])):
        done = run("planet-vector", "crop", name, "-o", f"{number}.tif", *part, *flags, env=env, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert (tmp_path / f"{number}.tif").read_bytes() == (tmp_path / "named.tif").read_bytes()
    for given, flags, told in (
        ("no id", [], "no scene 'no id'"),
        ("no\nid", [], "neither the id"),
        (f"PLANET:ortho/{name}/visual", ["--product", "visual"], "--product"),
        (name, ["--scene-type", "landsat"], name),
    ):
        done = run("planet-vector", "crop", given, "-o", "x.tif", *part, *flags, env=env, cwd=tmp_path)
        assert done.returncode and told in done.stderr and "Traceback" not in done.stderr, done.stderr
        assert not (tmp_path / "x.tif").exists()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="file names that are bytes, in any locale")
def test_a_name_that_is_no_text_in_the_locale_is_told(run: Run, env: Dict[str, str], aoi: str, tmp_path: Path) -> None:
    plain = {**env, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    for command in (
        ["stacks", aoi, "--crop", "dü"],
        ["crop", SHOTS[0].name, "-o", "dü.tif", "--window", "0", "0", "9", "9"],
        ["mosaic", aoi, "--acquired", "..2015-06-03", "-o", "dü.tif"],
    ):
        done = run("planet-vector", *command, env=plain, cwd=tmp_path)
        assert done.returncode and "Traceback" not in done.stderr and "LC_ALL=C.UTF-8" in done.stderr, done.stderr
        assert [path.name for path in tmp_path.iterdir()] == ["aoi.geojson"]
    # What Python writes itself may be called anything.
    made = ["--sheet", "dü.png", "--vrt", "dü.vrt", "--animate", "dü.gif"]
    done = run("planet-vector", "stacks", aoi, "--crop", "d", *made, env=plain, cwd=tmp_path)
    assert done.returncode == 0 and {"dü.png", "dü.vrt", "dü.gif"} < {path.name for path in tmp_path.iterdir()}


def test_a_table_of_little_ground_is_straight(run: Run, env: Dict[str, str]) -> None:
    table = run("planet-vector", "stacks", "--bbox", "-20,20,40,60", "--table", env=env).stdout.splitlines()
    assert "< 0.1 %" in table[1] and table[1].index(" %") + 2 == table[0].index("of AREA") + len("of AREA")


def test_help_tells_no_bounds_that_there_are_not(run: Run) -> None:
    told = run("planet-vector", "mosaic", "--help").stdout
    assert "--dst-bounds" in told and "None" not in told
