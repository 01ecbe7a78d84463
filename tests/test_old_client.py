"""What planet's own client of the v0 era (0.0.6) did at a shell, command by command, and what does it here.

Each row is run: ``now`` in a shell, against the real service, in a folder with ``aoi.geojson``; ``holds`` is what must
be true then. What ``planet`` did is known from its source. In the rows, {scene} is the newest ortho scene, {older} the
one before it, {landsat} a Landsat scene, {quad} the quad of mosaic ``coarse`` at the area.
"""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Dict, List, NamedTuple

import pytest
import requests
from shapely.geometry import box, mapping, shape

from tests.conftest import Service, Start

AREA = box(11.99, 47.87, 12.01, 47.89)
WKT = "POLYGON((11.99 47.87,12.01 47.87,12.01 47.89,11.99 47.89,11.99 47.87))"


@dataclass
class Place:
    """Where a row is run, and what came of it."""

    service: Service
    folder: Path
    names: Dict[str, str]
    done: subprocess.CompletedProcess[str] = field(init=False)

    @property
    def features(self) -> List[Dict[str, Any]]:
        """What was printed: a collection, or a line a feature."""
        if self.done.stdout.startswith('{"type": "FeatureCollection"'):
            found: List[Dict[str, Any]] = json.loads(self.done.stdout)["features"]
            return found
        return [json.loads(line) for line in self.done.stdout.splitlines()]

    @property
    def ids(self) -> List[str]:
        return [feature["id"] for feature in self.features]

    @property
    def files(self) -> List[str]:
        """The names of the files in the folder ``d``, but hidden ones."""
        return sorted(path.name for path in (self.folder / "d").glob("[!.]*"))

    def said(self, path: str, **parameters: Any) -> Any:
        """What the API itself answers."""
        answer = requests.get(self.service.url + path, params=parameters, auth=(self.service.key, ""), timeout=30)
        answer.raise_for_status()
        return answer.json()

    def same(self, *names: str) -> bool:
        """Whether files in ``d`` have the bytes of those in the archive, and are all there is."""
        both = ((self.folder / "d" / name, self.service.archive / name) for name in names)
        return self.files == sorted(names) and all(a.read_bytes() == b.read_bytes() for a, b in both)


class Row(NamedTuple):
    """A thing one did."""

    old: str
    did: str
    now: str
    holds: Callable[[Place], bool]
    code: int = 0


def _area(place: Place) -> List[Dict[str, Any]]:
    """Return the scenes of the area by the API itself; they fit a page."""
    found: List[Dict[str, Any]] = place.said("scenes/ortho/", intersects=WKT, count=1000)["features"]
    return found


def _clear(scene: Dict[str, Any]) -> bool:
    properties = scene["properties"]
    return bool(properties["cloud_cover"]["estimated"] < 20 and properties["image_statistics"]["snr"] > 1)


def _in_area(place: Place) -> bool:
    wanted = _area(place)
    return len(wanted) > 3 and sorted(place.ids) == sorted(scene["id"] for scene in wanted)


def _synced(place: Place) -> bool:
    """Whether the folder has the scenes of the area, each with its product and its metadata."""
    wanted = [scene["id"] for scene in _area(place)]
    names = [f"{scene}_{kind}" for scene in wanted for kind in ("metadata.json", "visual.tif")]
    return place.files == sorted([*names, "aoi.geojson", "sync.json"])


ROWS = [
    # ---- search
    Row(
        "planet search < aoi.geojson",
        "the area is read from stdin when it is no argument",
        "planet-vector search - < aoi.geojson",
        _in_area,
    ),  # fmt: skip
    Row("planet search @aoi.geojson", "the area is read from a file", "planet-vector search @aoi.geojson", _in_area),
    Row("planet search aoi.geojson", "the @ may be left out", "planet-vector search aoi.geojson", _in_area),
    Row(f"planet search '{WKT}'", "the area is WKT", f"planet-vector search '{WKT}'", _in_area),
    Row(
        'planet search "$(cat aoi.geojson)"',
        "the area is GeoJSON text",
        'planet-vector search "$(cat aoi.geojson)"',
        _in_area,
    ),  # fmt: skip
    Row(
        "planet search aoi.geojson --where cloud_cover.estimated lt 20 --where image_statistics.snr gt 1",
        "all comparisons must hold",
        "planet-vector search aoi.geojson --where cloud_cover.estimated lt 20 --where image_statistics.snr gt 1",
        lambda place: len(place.ids) > 1 and place.ids == [scene["id"] for scene in _area(place) if _clear(scene)],
    ),
    Row(
        "planet search --limit 3",
        "prints one FeatureCollection, the newest scenes, at most 1000",
        "planet-vector search --limit 3 --collection",
        lambda place: place.features == place.said("scenes/ortho/", count=3)["features"],
    ),
    Row(
        "planet search --limit 2 -pp",
        "prints indented JSON",
        "planet-vector search --limit 2 --collection --indent 2",
        lambda place: (
            place.ids == [s["id"] for s in place.said("scenes/ortho/", count=2)["features"]]
            and place.done.stdout.count("\n") > 50
        ),
    ),
    Row(
        "planet search --where published gte 2015-08-18",
        "could not read times without a fraction, nor scenes without the time",
        "planet-vector search --where published gte 2015-08-18",
        lambda place: (
            len(place.ids) > 3 and all(scene["properties"]["published"] > "2015-08-18" for scene in place.features)
        ),
    ),
    Row(
        "planet search -s rapideye    (429: too many requests)",
        "gave up",
        "planet-vector search -s rapideye",
        lambda place: len(place.ids) == 4,
    ),
    # ---- metadata
    Row(
        "planet metadata {landsat} -s landsat",
        "prints what the service says of one scene",
        "planet-vector metadata {landsat} -s landsat",
        lambda place: place.features == [place.said(f"scenes/landsat/{place.names['landsat']}")],
    ),
    # ---- download
    Row(
        "planet download {scene} {older} --product analytic -d d",
        "fetches a product of each into a folder that must exist",
        "planet-vector download {scene} {older} --product analytic -o d",
        lambda place: place.same(*(f"{place.names[name]}_analytic.tif" for name in ("scene", "older"))),
    ),
    Row(
        "echo {scene} {older} | planet download -d d",
        "ids stand on stdin, between white space; the product is visual",
        "echo {scene} {older} | planet-vector download - -o d",
        lambda place: place.same(*(f"{place.names[name]}_visual.tif" for name in ("scene", "older"))),
    ),
    Row(
        "planet download nope {scene} -d d",
        "warns, fetches the others, and ends with 0",
        "planet-vector download nope {scene} -o d",
        lambda place: place.same(f"{place.names['scene']}_visual.tif") and "'nope'" in place.done.stderr,
        code=1,
    ),
    Row(
        "planet download {landsat} -s landsat --product band_4 -d d",
        "knew the products of two scene types",
        "planet-vector download {landsat} -s landsat --product band_4 -o d",
        lambda place: place.same(f"{place.names['landsat']}_band_4.tif"),
    ),
    # ---- thumbnails
    Row(
        "planet thumbnails {scene} {older} --size lg --format jpg -d d",
        "fetches pictures into a folder that must exist",
        "planet-vector thumbnails {scene} {older} --size lg --format jpg -o d",
        lambda place: place.files == sorted(f"{place.names[name]}_lg.jpg" for name in ("scene", "older")),
    ),
    Row(
        "echo {scene} | planet thumbnails -d d",
        "ids stand on stdin; 128 pixels, PNG",
        "echo {scene} | planet-vector thumbnails - -o d",
        lambda place: place.files == [f"{place.names['scene']}_md.png"],
    ),
    # ---- sync
    Row(
        "planet sync d --dryrun",
        "the area is d/aoi.geojson; prints how many and which scenes",
        "planet-vector sync d --dry-run",
        lambda place: place.files == ["aoi.geojson", "sync.json"] and _named(place) > 3,
    ),
    Row(
        "planet sync d    (after a scene failed, and later ones came)",
        "asks for scenes published after the latest it has: the one that failed never comes",
        "planet-vector sync d && planet-vector sync d",
        lambda place: _synced(place) and place.done.stdout.count("_metadata.json\n") == len(place.files) // 2 - 1,
    ),
    Row(
        "planet sync d --products visual --products analytic --limit 1 -s ortho",
        "several products of each scene; a number of scenes at the most",
        "planet-vector sync d aoi.geojson --product visual --product analytic --limit 1 -s ortho",
        lambda place: (
            [name.rpartition("_")[2] for name in place.files if "_" in name]
            == ["analytic.tif", "metadata.json", "visual.tif"]
        ),
    ),
    # ---- mosaics
    Row(
        "planet mosaics",
        "prints what the service lists",
        "planet-vector basemaps",
        lambda place: place.features == place.said("mosaics/")["mosaics"],
    ),
    Row(
        "planet mosaic coarse",
        "prints what the service says of one",
        "planet-vector mosaic coarse",
        lambda place: place.features == [place.said("mosaics/coarse")],
    ),
    Row(
        "planet mosaic-quads coarse aoi.geojson",
        "prints the quads of an area, at most 100, of one geometry",
        "planet-vector quads coarse aoi.geojson --collection",
        lambda place: place.ids == [place.names["quad"]],
    ),
    Row(
        "planet download-quads coarse {quad} -d d",
        "fetches quads by their ids",
        "planet-vector download-quads coarse {quad} -o d",
        lambda place: place.files == [f"{place.names['quad']}_coarse.tif"],
    ),
    # ---- the key
    Row(
        "planet init",
        "asks for email and password, and writes the key to a file others can read",
        "echo $PL_API_KEY | env -u PL_API_KEY planet-vector login && env -u PL_API_KEY planet-vector types",
        lambda place: place.done.stdout.endswith("landsat\northo\nrapideye\n"),
    ),
    Row(
        "planet -k KEY search",
        "the key is an argument, which everybody on the machine can read",
        "planet-vector -k KEY search",
        lambda place: "No such option" in place.done.stderr,
        code=2,
    ),
    # ---- the rest
    Row(
        "planet -w 2 download {scene} -d d",
        "so many downloads at once, 4 unless told",
        "PLANET_CONNECTIONS=2 planet-vector download {scene} -o d",
        lambda place: place.same(f"{place.names['scene']}_visual.tif"),
    ),
    Row(
        "planet help search",
        "prints the help of a command",
        "planet-vector search --help",
        lambda place: "--where FIELD COMPARATOR VALUE" in place.done.stdout,
    ),
    Row(
        "planet list-workspaces, get-workspace, set-workspace; search --workspace",
        "keeps searches at the service, which nobody but the service's own pages used",
        "planet-vector list-workspaces",
        lambda place: "No such command" in place.done.stderr,
        code=2,
    ),
]


def _named(place: Place) -> int:
    """Return how many files were said to come, once they are those of the area."""
    wanted = [scene["id"] for scene in _area(place)]
    printed = re.findall(r"^d/(\w+)_visual\.tif$", place.done.stdout, re.M)
    return len(printed) if sorted(printed) == sorted(wanted) else 0


@pytest.fixture(scope="module")
def served(start_service: Start, archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Service:
    folder = tmp_path_factory.mktemp("old")
    (folder / "mosaics.yml").write_text("- {name: coarse, level: 12}\n")
    faults = "- {path: '/v0/scenes/rapideye/', times: 2, status: 429, headers: {Retry-After: '0'}}\n"
    (folder / "faults.yml").write_text(faults)
    options = ("--mosaics", str(folder / "mosaics.yml"), "--faults", str(folder / "faults.yml"))
    return start_service(archive, *options)


@pytest.fixture
def place(served: Service, tmp_path: Path) -> Place:
    """Return a folder with an area, and in it a folder that the old client kept, with a scene missing."""
    feature = {"type": "Feature", "properties": {}, "geometry": mapping(AREA)}
    (tmp_path / "aoi.geojson").write_text(json.dumps(feature))
    place = Place(served, tmp_path, {})
    scenes = place.said("scenes/ortho/", count=2)["features"]
    (quad,) = place.said("mosaics/coarse/quads/", intersects=WKT)["features"]
    assert shape(quad["geometry"]).contains(AREA)
    landsat = place.said("scenes/landsat/", count=1)["features"][0]["id"]
    place.names.update(scene=scenes[0]["id"], older=scenes[1]["id"], landsat=landsat, quad=quad["id"])
    return place


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.old.partition("  ")[0])
def test_what_one_did_is_done(row: Row, place: Place) -> None:
    if row.old.startswith("planet sync"):
        (place.folder / "d").mkdir()
        (place.folder / "d" / "aoi.geojson").write_bytes((place.folder / "aoi.geojson").read_bytes())
        (place.folder / "d" / "sync.json").write_text('{"latest": "2015-12-01T00:00:00.000000+0000"}')
    command = row.now.format(**place.names) if "{" in row.now and "$(" not in row.now else row.now
    place.done = subprocess.run(["bash", "-o", "pipefail", "-c", command], env=place.service.environ, cwd=place.folder,
                                capture_output=True, text=True, timeout=120)  # fmt: skip
    assert place.done.returncode == row.code, place.done.stderr
    assert "Traceback" not in place.done.stderr and place.service.key not in place.done.stdout + place.done.stderr
    assert row.holds(place), (place.done.stdout[:2000], place.done.stderr)


def test_each_command_of_the_old_client_has_a_row() -> None:
    commands = (
        "search metadata download thumbnails sync mosaics mosaic mosaic-quads download-quads init help list-workspaces"
    )
    named = {word for row in ROWS for word in re.findall(r"planet (?:-\w \w+ )?([a-z-]+)", row.old)}
    assert {*commands.split(), "list-workspaces"} <= named
