"""``basemaps``, ``mosaic``, ``quads`` and ``download-quads`` against what the API says, asked for by itself."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any, Callable, Dict, List

import numpy as np
import pytest
import rasterio
import requests
from rasterio.warp import transform_bounds
from rasterio.windows import from_bounds
from shapely.geometry import Point, box, shape

import planet_vector
from planet_vector.raster import quad_cache
from tests.conftest import Service, Start

Run = Callable[..., "subprocess.CompletedProcess[str]"]

PLACE = (11.99, 47.88, 12.0, 47.885)
MIDDLE = "POINT (11.995 47.883)"


@pytest.fixture(scope="module")
def served(start_service: Start, archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Service:
    path = tmp_path_factory.mktemp("mosaics") / "mosaics.yml"
    path.write_text(
        "- {name: clear, title: Few clouds, filter: {cloud_cover.estimated.lte: 40}}\n"
        "- {name: coarse, title: Everything, level: 12}\n"
    )
    return start_service(archive, "--mosaics", str(path))


@pytest.fixture
def cli(served: Service, call: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return a function that calls planet-vector in an empty folder."""
    monkeypatch.setenv("PL_API_URL", served.url)
    monkeypatch.setenv("PL_API_KEY", served.key)
    monkeypatch.chdir(tmp_path)
    return call


def _said(service: Service, path: str, **parameters: Any) -> Any:
    answer = requests.get(service.url + path, params=parameters, auth=(service.key, ""), timeout=30)
    answer.raise_for_status()
    return answer.json()


def _quads(service: Service, name: str) -> List[Dict[str, Any]]:
    found: List[Dict[str, Any]] = _said(service, f"mosaics/{name}/quads/", count=1000)["features"]
    return found


def _lines(done: subprocess.CompletedProcess[str]) -> List[Any]:
    assert (done.returncode, done.stderr) == (0, "")
    return [json.loads(line) for line in done.stdout.splitlines()]


def _ids(done: subprocess.CompletedProcess[str]) -> List[str]:
    return sorted(quad["id"] for quad in _lines(done))


def test_basemaps_are_what_the_service_says(cli: Run, served: Service) -> None:
    listed = _said(served, "mosaics/")["mosaics"]
    assert len(listed) == 2 and _lines(cli("basemaps")) == listed
    assert cli("basemaps", "--names").stdout.split() == ["PLANET:basemaps/clear", "PLANET:basemaps/coarse"]
    table = cli("basemaps", "--table").stdout.splitlines()
    assert [line.split()[0] for line in table] == ["name", "clear", "coarse"] and "Few clouds" in table[1]
    assert cli("basemaps", "--names", "--table").returncode == 2


def test_a_basemap_is_told_of_by_either_name(cli: Run, served: Service) -> None:
    said = _said(served, "mosaics/clear")
    for name in ("clear", "PLANET:basemaps/clear", "planet://basemaps/clear"):
        done = cli("mosaic", name, "--indent", "2")
        assert (done.returncode, json.loads(done.stdout)) == (0, said), done.stderr
    assert "\n" not in cli("mosaic", "clear", "--compact").stdout.strip()


def test_quads_are_what_the_service_lists(cli: Run, served: Service) -> None:
    listed = _quads(served, "coarse")
    assert len(listed) > 2
    assert sorted(_lines(cli("quads", "coarse")), key=lambda quad: quad["id"]) == sorted(listed, key=lambda q: q["id"])
    collection = json.loads(cli("quads", "PLANET:basemaps/coarse", "--collection").stdout)
    assert {quad["id"] for quad in collection["features"]} == {quad["id"] for quad in listed}
    assert len(_lines(cli("quads", "coarse", "--limit", "2"))) == 2
    names = cli("quads", "coarse", "--names").stdout.split()
    assert sorted(names) == sorted(f"PLANET:basemaps/coarse/{quad['id']}" for quad in listed)


def test_quads_of_an_area_however_it_is_given(cli: Run, served: Service, tmp_path: Path) -> None:
    listed = {quad["id"]: shape(quad["geometry"]) for quad in _quads(served, "coarse")}
    two = [Point(11.995, 47.883), next(quad.centroid for quad in listed.values() if quad.bounds[0] > 100)]
    wanted = sorted(name for name, quad in listed.items() if any(quad.intersects(point) for point in two))
    assert len(wanted) == 2 < len(listed)
    features = [{"type": "Feature", "properties": {}, "geometry": point.__geo_interface__} for point in two]
    text = json.dumps({"type": "FeatureCollection", "features": features})
    (tmp_path / "two.geojson").write_text(text)
    for spelling in ("two.geojson", "@two.geojson", text):
        assert _ids(cli("quads", "coarse", spelling)) == wanted
    assert _ids(cli("quads", "coarse", "-", input=text)) == wanted
    here = [name for name, quad in listed.items() if quad.intersects(box(*PLACE))]
    text = ",".join(map(str, PLACE))
    assert _ids(cli("quads", "coarse", "--bbox", text)) == here
    assert _ids(cli("quads", f"PLANET:basemaps/coarse?bbox={text}")) == here
    assert _ids(cli("quads", "coarse", MIDDLE)) == here
    assert _ids(cli("quads", f"PLANET:basemaps/coarse/{here[0]}")) == here
    assert cli("quads", "coarse", "POINT (0 0)").stdout == ""


@pytest.fixture(scope="module")
def quad(served: Service) -> Dict[str, bytes]:
    """Return the one quad at the place, by its id: its file."""
    (found,) = _said(served, "mosaics/coarse/quads/", intersects=MIDDLE)["features"]
    answer = requests.get(found["properties"]["links"]["full"], auth=(served.key, ""), timeout=60)
    return {found["id"]: answer.content}


def test_quads_are_downloaded_by_area_by_id_and_from_a_pipe(
    cli: Run, served: Service, run: Run, quad: Dict[str, bytes], tmp_path: Path
) -> None:
    ((name, content),) = quad.items()
    path = Path("q") / f"{name}_coarse.tif"
    assert cli("download-quads", "coarse", MIDDLE, "-o", "q").stdout == f"{path}\n"
    assert (tmp_path / path).read_bytes() == content
    for number, places in enumerate(([name], [name, name], ["--bbox", ",".join(map(str, PLACE))])):
        done = cli("download-quads", "coarse", *places, "-o", f"q{number}")
        assert (done.returncode, done.stderr) == (0, "")
        assert (tmp_path / f"q{number}" / path.name).read_bytes() == content
        assert len(list((tmp_path / f"q{number}").iterdir())) == 1
    # A quad touches its neighbours: what 'quads' prints is fetched as it is, not as an area.
    line = f"planet-vector quads coarse '{MIDDLE}' | rio planet download-quads coarse - -o piped"
    done = run("bash", "-o", "pipefail", "-c", line, env=served.environ, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert [each.name for each in (tmp_path / "piped").iterdir()] == [path.name]
    area = cli("download-quads", "coarse", "-", "-o", "area", input=MIDDLE)
    assert area.stdout == f"{Path('area') / path.name}\n"


def test_a_raster_of_the_quads_of_a_place(cli: Run, quad: Dict[str, bytes], tmp_path: Path) -> None:
    ((_, content),) = quad.items()
    (tmp_path / "whole.tif").write_bytes(content)
    west, south, east, north = transform_bounds("EPSG:4326", "EPSG:3857", *PLACE)
    bounds = [str(value) for value in (west, south, east, north)]
    done = cli("mosaic", "coarse", "--dst-bounds", *bounds, "-o", "part.tif")
    assert done.returncode == 0, done.stderr
    with rasterio.open(tmp_path / "whole.tif") as whole, rasterio.open(tmp_path / "part.tif") as part:
        assert part.bounds.left <= west < part.bounds.left + part.res[0]
        assert part.bounds.top - part.res[1] < north <= part.bounds.top
        assert part.crs.to_epsg() == 3857 and part.res == pytest.approx(whole.res)
        window = from_bounds(*part.bounds, transform=whole.transform).round_offsets().round_lengths()
        assert (part.read() == whole.read(window=window)).all() and np.ptp(part.read(1)) > 0
    place = ",".join(map(str, PLACE))
    assert cli("mosaic", f"PLANET:basemaps/coarse?bbox={place}", "-o", "same.tif").returncode == 0
    with rasterio.open(tmp_path / "part.tif") as part, rasterio.open(tmp_path / "same.tif") as same:
        assert (part.read() == same.read()).all() and part.transform == same.transform
    assert cli("mosaic", "coarse", "--bbox", place, "-o", "quads.vrt").returncode == 0
    with rasterio.open(tmp_path / "whole.tif") as whole, rasterio.open(tmp_path / "quads.vrt") as quads:
        assert quads.shape == whole.shape and quads.transform.almost_equals(whole.transform, 1e-6)
    assert "--overwrite" in cli("mosaic", "coarse", "--dst-bounds", *bounds, "-o", "part.tif").stderr


def test_an_area_of_a_mosaic_of_scenes_is_what_it_was(cli: Run, tmp_path: Path) -> None:
    (tmp_path / "coarse").write_text(MIDDLE)  # a file goes before a basemap of that name
    for area in (MIDDLE, "coarse", "@coarse", "PLANET:ortho?intersects=" + MIDDLE):
        done = cli("mosaic", area, "--dry-run")
        assert done.returncode == 0 and " scenes, " in done.stdout, done.stderr


FAULTS = {
    "mosaic nowhere": (1, "neither a file nor a basemap"),
    "mosaic PLANET:basemaps/nowhere": (1, "no basemap 'nowhere'"),
    "mosaic PLANET:basemaps": (2, "names no basemap"),
    "mosaic PLANET:basemaps/coarse/L12-0136E-0166N": (2, "names a quad"),
    "mosaic coarse --cloud-cover 5": (2, "--cloud-cover is for scenes"),
    "mosaic coarse --dry-run": (2, "--dry-run is for scenes"),
    "mosaic coarse --bbox 1,2,3,4": (2, "give --output"),
    "mosaic coarse --bbox 1,2,3 -o a.tif": (2, "not a box"),
    "mosaic coarse --bbox 1,2,1.1,2.1 -o a.tif": (1, "no quad there"),
    "mosaic coarse --dst-bounds 0 0 9 9 -o a.vrt": (2, "whole quads"),
    "mosaic coarse --dst-bounds 0 0 9 9 --bbox 1,2,3,4 -o a.tif": (2, "exclude each other"),
    "mosaic coarse --bbox 1,2,3,4 -o a.png": (2, "no .tif or .vrt"),
    "mosaic coarse --bbox 1,2,3,4 -o nowhere/a.tif": (1, "no folder nowhere"),
    "mosaic PLANET:ortho --indent 2 --dry-run": (2, "for the metadata of a basemap"),
    "mosaic PLANET:ortho": (2, "--output FILE, or --dry-run"),
    "quads nowhere": (1, "no basemap 'nowhere'"),
    "quads PLANET:ortho": (2, "names no basemap"),
    "quads ../up": (1, "no basemap '../up'"),
    "quads coarse nowhere.geojson": (2, "is no area"),
    "quads coarse POINT(1_1) --bbox 1,2,3,4": (2, "place once"),
    "quads PLANET:basemaps/coarse?acquired.gte=2015": (2, "no parameter of a basemap"),
    "quads coarse --collection --rs": (2, "exclude each other"),
    "download-quads coarse L12-0001E-0001N": (1, "no quad 'L12-0001E-0001N'"),
    "download-quads coarse L12-0001E-0001N --bbox 1,2,3,4": (2, "not both"),
    "download-quads coarse L12-0001E-0001N here": (2, "one AREA"),
    "download-quads coarse -": (2, "no geometry"),
}


@pytest.mark.parametrize("asked", FAULTS)
def test_what_cannot_be_is_said_in_a_sentence(cli: Run, asked: str, tmp_path: Path) -> None:
    code, words = FAULTS[asked]
    done = cli(*(word.replace("_", " ") for word in asked.split()))
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    assert words in done.stderr.splitlines()[-1] and "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_no_quads_are_said(cli: Run) -> None:
    done = cli("quads", "clear", "--bbox", "-47.89,-12,-47.88,-11.99", "--names")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == (
        "No quads found: check the order of the coordinates (longitude first: -47.89 is read as longitude, -12 as "
        "latitude) and the basemap (clear).\n"
    )


def test_what_is_kept_of_basemaps_goes_with_the_cache(cli: Run) -> None:
    bbox = ",".join(map(str, PLACE))
    done = cli("open", f"PLANET:basemaps/clear?bbox={bbox}")
    assert done.returncode == 0 and Path(done.stdout.strip()).exists()
    with planet_vector.open(f"PLANET:basemaps/clear?bbox={bbox}", cache=True) as dataset:
        dataset.read(1, window=((0, 8), (0, 8)))
    kept = sorted(quad_cache.directory().rglob("*.tif"))
    assert kept
    cleared = cli("cache", "clear")
    assert cleared.returncode == 0
    assert f"Removed {len(kept)} quads from " in cleared.stderr and not quad_cache.directory().exists()
    assert "the VRTs of 1 basemaps" in cleared.stderr and not Path(done.stdout.strip()).exists()
