"""``sync``: a folder that is as the search has it, whatever happened in between."""

from __future__ import annotations

import json
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Tuple

import pytest
import shapely.geometry

import planet_vector
from planet_vector.errors import ConfigError, NotFoundError, RasterAccessError
from planet_vector.raster.sync import MOST_IN_A_ROW
from planet_vector.raster.synced_folder import LOCK, STATE
from planet_vector.scene import Scene
from planet_vector.times import parse_time
from tests.conftest import Service, Start
from tests.schemas import ORTHO

rasterio = pytest.importorskip("rasterio")

Run = Callable[..., "subprocess.CompletedProcess[str]"]

Sync = Callable[..., "subprocess.CompletedProcess[str]"]

ALL = "PLANET:ortho"
RESCAN = 0.1  # seconds
OLD, NEW = 16, 22  # of the sample's scenes in the order of time; from the 18th on they say when they were published


@dataclass
class Served:
    """A service over a folder of the test's own, which it may change."""

    service: Service
    folder: Path
    faults: Path
    log: Path

    def scenes(self) -> List[str]:
        """Return the ids of the scenes in the folder, the newest first, by its files."""
        metadata = [json.loads(path.read_text()) for path in self.folder.glob("*_metadata.json")]
        return [f["id"] for f in sorted(metadata, key=lambda f: parse_time(f["properties"]["acquired"]), reverse=True)]

    def asked_for(self) -> List[str]:
        """Return the products that were asked for since the last time, as ``id?product=name``; forget them."""
        text = self.log.read_text()
        self.log.write_text("")
        return re.findall(r"GET /v0/scenes/\w+/([^/ ]+)/full(\?product=\w+)", text)  # type: ignore[return-value]

    def wait_for(self, *scenes: str) -> None:
        """Wait until the service knows of what was added."""
        catalog = planet_vector.connect(self.service.url, self.service.key)
        for _ in range(100):
            found = {feature["id"] for page in catalog.pages(planet_vector.Query(ORTHO)) for feature in page}
            if found >= set(scenes):
                return
            time.sleep(RESCAN)
        raise AssertionError("the service does not find what was added")


def serve(archive: Path, start_service: Start, place: Path) -> Served:
    """Serve six ortho scenes, of which two are from before the service said when scenes were published."""
    folder, faults, log = place / "served", place / "faults.yml", place / "access.log"
    folder.mkdir(parents=True)
    for scene in scenes_of(archive)[OLD:NEW]:
        add(archive, folder, scene)
    faults.write_text("[]")
    files = ["--faults", str(faults), "--access-log", str(log), "--index", str(place / "index")]
    return Served(start_service(folder, "--rescan", str(RESCAN), *files), folder, faults, log)


@pytest.fixture(scope="module")
def shared(archive: Path, start_service: Start, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    served = serve(archive, start_service, tmp_path_factory.mktemp("shared"))
    yield served
    served.service.stop()


@pytest.fixture
def served(shared: Served) -> Served:
    """Return a service over six scenes, to look at; it answers as it should until the test says otherwise."""
    shared.faults.write_text("[]")
    shared.log.write_text("")
    return shared


@pytest.fixture
def own(archive: Path, start_service: Start, tmp_path: Path) -> Iterator[Served]:
    """Return the same with a folder that the test may change."""
    served = serve(archive, start_service, tmp_path / "own")
    yield served
    served.service.stop()


def scenes_of(archive: Path) -> List[str]:
    found = [path.name[: -len("_visual.tif")] for path in archive.glob("2015*_visual.tif") if "Rapid" not in path.name]
    return sorted(found)


def add(archive: Path, folder: Path, scene: str) -> None:
    for path in archive.glob(f"{scene}_*"):
        if path.name[len(scene) :] in ("_visual.tif", "_analytic.tif", "_metadata.json"):
            shutil.copy(path, folder)


def contents(folder: Path) -> Dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.fixture
def sync(shared: Served, run: Run) -> Sync:
    """Return a function that syncs a folder and gives back what was said; the exit code must be as given."""

    def call(folder: Path, *flags: str, code: int = 0, of: Served = shared) -> subprocess.CompletedProcess[str]:
        done = run("planet-vector", "sync", str(folder), *flags, env={**of.service.environ, "PLANET_RATE": "0"})
        assert done.returncode == code, done.stderr
        assert "Traceback" not in done.stderr
        return done

    return call


# ---- the folder ------------------------------------------------------------------------------------------


def test_the_folder_holds_what_the_search_finds_and_serves_the_same(
    served: Served, sync: Sync, start_service: Start, tmp_path: Path
) -> None:
    folder = tmp_path / "here"
    done = sync(folder, ALL, "--product", "visual,analytic")
    scenes = served.scenes()
    names = {f"{scene}_{kind}" for scene in scenes for kind in ("visual.tif", "analytic.tif", "metadata.json")}
    assert {path.name for path in folder.iterdir()} == {*names, STATE, LOCK}
    assert sorted(done.stdout.splitlines()) == sorted(str(folder / name) for name in names)
    assert done.stderr == ""
    for name in names:
        if name.endswith(".tif"):
            assert (folder / name).read_bytes() == (served.folder / name).read_bytes()
    assert all(served.service.key.encode() not in content for content in contents(folder).values())
    again = start_service(folder)
    assert not any("sync" in line for line in again.log)  # nothing of what a sync keeps is a problem to the service
    ours, theirs = (features(each) for each in (again, served.service))
    assert [f["id"] for f in ours] == scenes
    assert [without_links(f) for f in ours] == [without_links(f) for f in theirs]
    again.stop()


def features(service: Service) -> List[Any]:
    catalog = planet_vector.connect(service.url, service.key)
    return [feature for page in catalog.pages(planet_vector.Query(ORTHO)) for feature in page]


def without_links(feature: Dict[str, Any]) -> Dict[str, Any]:
    properties = {name: value for name, value in feature["properties"].items() if name not in ("links", "data")}
    return {**feature, "properties": properties, "products": sorted(feature["properties"]["data"]["products"])}


def test_what_is_there_is_not_asked_for_again(served: Served, sync: Sync, tmp_path: Path) -> None:
    folder = tmp_path / "here"
    sync(folder, ALL, "--limit", "4")
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir() if path.name not in (STATE, LOCK)}
    assert len(served.asked_for()) == 4
    done = sync(folder, ALL, "--limit", "4")
    assert (done.stdout, served.asked_for()) == ("", [])
    assert before == {path.name: path.stat().st_mtime_ns for path in folder.iterdir() if path.name in before}
    # Another product of the same scenes, and one more scene: only what is new comes.
    third, fifth = served.scenes()[2], served.scenes()[4]
    (folder / f"{third}_visual.tif").unlink()
    done = sync(folder, ALL, "--limit", "5")
    assert sorted(served.asked_for()) == sorted([(third, "?product=visual"), (fifth, "?product=visual")])
    assert len(done.stdout.splitlines()) == 3
    sync(folder, ALL, "--limit", "1", "--product", "all")
    assert served.asked_for() == [(served.scenes()[0], "?product=analytic")]


KEPT = """{
 "version": 1,
 "pending": {
  "PLANET:ortho/%s": {
   "products": [
    "visual"
   ],
   "why": "The service has no such item (404, saying: 'The archive has no file of the product visual of scene %s.')."
  }
 }
}
"""


def test_a_folder_that_commit_9fd2fde_kept_goes_on(served: Served, sync: Sync, tmp_path: Path) -> None:
    """What that commit left undone (`KEPT`, but for the ids) comes, whether the search finds it any more or not."""
    folder = tmp_path / "here"
    sync(folder, ALL, "--limit", "3")
    served.asked_for()
    second, last = served.scenes()[1], served.scenes()[-1]
    for path in (*folder.glob(f"{second}_*"), folder / STATE, folder / LOCK):
        path.unlink()
    (folder / ".planet_vector-sync.json").write_text(KEPT % (last, last))
    done = sync(folder, ALL, "--limit", "3")
    assert sorted(served.asked_for()) == sorted([(second, "?product=visual"), (last, "?product=visual")])
    assert len(done.stdout.splitlines()) == 4
    assert (folder / f"{last}_visual.tif").read_bytes() == (served.folder / f"{last}_visual.tif").read_bytes()
    assert json.loads((folder / ".planet_vector-sync.json").read_text()) == {"version": 1, "pending": {}}


def test_a_dry_run_tells_the_files_and_writes_nothing(served: Served, sync: Sync, tmp_path: Path) -> None:
    folder = tmp_path / "here"
    done = sync(folder, ALL, "--limit", "2", "--dry-run")
    first, second = served.scenes()[:2]
    assert done.stdout.splitlines() == [str(folder / f"{scene}_visual.tif") for scene in (first, second)]
    assert not folder.exists() and served.asked_for() == []
    sync(folder, ALL, "--limit", "1")
    assert sync(folder, ALL, "--limit", "2", "--dry-run").stdout.splitlines() == [str(folder / f"{second}_visual.tif")]


def test_all_there_is_must_be_asked_for_by_name(sync: Sync, tmp_path: Path) -> None:
    done = sync(tmp_path / "here", code=2)
    assert "PLANET:ortho for all" in done.stderr and not (tmp_path / "here").exists()


def test_a_scene_that_was_published_anew_comes_again_with_all_its_products(
    own: Served, sync: Sync, tmp_path: Path
) -> None:
    folder = tmp_path / "here"
    sync(folder, ALL, "--product", "all", of=own)
    scene, other = own.scenes()[:2]
    path = own.folder / f"{scene}_metadata.json"
    feature = json.loads(path.read_text())
    feature["properties"]["published"] = "2016-02-03T04:05:06+00:00"
    for product in ("visual", "analytic"):
        shutil.copy(own.folder / f"{other}_{product}.tif", own.folder / f"{scene}_{product}.tif")
    path.write_text(json.dumps(feature))
    catalog = planet_vector.connect(own.service.url, own.service.key)
    for _ in range(100):
        if catalog.scene("ortho", scene).properties.get("published") == feature["properties"]["published"]:
            break
        time.sleep(RESCAN)
    own.asked_for()
    sync(folder, ALL, "--product", "visual", of=own)
    assert sorted(own.asked_for()) == [(scene, "?product=analytic"), (scene, "?product=visual")]
    for product in ("visual", "analytic"):
        name = f"{scene}_{product}.tif"
        assert (folder / name).read_bytes() == (own.folder / name).read_bytes()
    assert sync(folder, ALL, of=own).stdout == ""


# ---- interruptions ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def large(archive: Path, start_service: Start, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Return a service over six scenes of 12 MB each: long enough on their way to be cut off in the middle."""
    import numpy

    folder = tmp_path_factory.mktemp("large")
    pixels = random.Random(5).randbytes(2000 * 2000)
    for number, scene in enumerate(scenes_of(archive)[:6]):
        shutil.copy(archive / f"{scene}_metadata.json", folder)
        with rasterio.open(archive / f"{scene}_visual.tif") as small:
            place = {"crs": small.crs, "transform": small.transform}
        profile = {"driver": "GTiff", "width": 2000, "height": 2000, "count": 3, "dtype": "uint8", **place}
        with rasterio.open(folder / f"{scene}_visual.tif", "w", **profile) as dataset:
            band = numpy.frombuffer(pixels, "uint8").reshape(2000, 2000)
            for index in range(3):
                dataset.write(numpy.roll(band, 97 * number + 31 * index), index + 1)
    service = start_service(folder, "--index", str(folder / ".index"))
    yield service
    service.stop()


def size_of(folder: Path) -> int:
    """Return the bytes of the rasters in a folder that is being written to."""
    total = 0
    for path in folder.glob("*.tif*") if folder.exists() else ():
        try:
            total += path.stat().st_size if not path.name.endswith(".version") else 0
        except FileNotFoundError:  # it just got its name
            pass
    return total


def start_sync(service: Service, folder: Path, *flags: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        ["planet-vector", "sync", str(folder), ALL, *flags],
        env=service.environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def cut_off(service: Service, folder: Path, bytes_there: int, how: int) -> Tuple[int, str, float]:
    """Send a signal to a sync as soon as so much is there; return its exit code, what it said, and how long it took."""
    process = start_sync(service, folder)
    try:
        while size_of(folder) < bytes_there and process.poll() is None:
            time.sleep(0.001)
        process.send_signal(how)
        sent = time.monotonic()
        _, said = process.communicate(timeout=20)
        return process.returncode, said, time.monotonic() - sent
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


@pytest.mark.skipif(sys.platform == "win32", reason="signals as POSIX has them")
def test_a_sync_killed_at_ten_random_points_ends_with_the_same_folder(large: Service, run: Run, tmp_path: Path) -> None:
    undisturbed, folder = tmp_path / "undisturbed", tmp_path / "killed"
    assert run("planet-vector", "sync", str(undisturbed), ALL, env=large.environ).returncode == 0
    total = size_of(undisturbed)
    assert total > 6 * 12_000_000
    rng = random.Random(17)
    whole: Dict[str, int] = {}
    cut = 0
    for point in sorted(rng.randrange(1, 98) / 100 for _ in range(10)):
        code, _, _ = cut_off(large, folder, int(point * total), signal.SIGKILL)
        assert code == -signal.SIGKILL
        cut += any(path.suffix == ".part" for path in folder.iterdir())
        files = {path.name: path.stat().st_mtime_ns for path in folder.glob("*.tif")}
        for name in files:  # whole files only, and none is fetched twice
            assert (folder / name).stat().st_size == (undisturbed / name).stat().st_size
        assert {name: files.get(name) for name in whole} == whole
        whole = files
    assert cut >= 5, "hardly any kill came while a file was on its way"
    done = run("planet-vector", "sync", str(folder), ALL, env=large.environ)
    assert (done.returncode, done.stderr) == (0, "")
    assert contents(folder) == contents(undisturbed)


@pytest.mark.skipif(sys.platform == "win32", reason="signals as POSIX has them")
def test_ctrl_c_ends_it_at_once_and_leaves_whole_files(large: Service, run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "here"
    code, said, seconds = cut_off(large, folder, 30_000_000, signal.SIGINT)
    assert (code, said) == (130, "")
    assert seconds < 3
    sizes = {path.name: path.stat().st_size for path in large.archive.glob("*.tif")}
    for path in folder.glob("*.tif"):
        assert path.stat().st_size == sizes[path.name]
    assert len(json.loads((folder / STATE).read_text())["pending"]) > 0
    assert run("planet-vector", "sync", str(folder), ALL, env=large.environ).returncode == 0
    assert {path.name for path in folder.glob("*.tif")} == set(sizes) and not list(folder.glob("*.part*"))


@pytest.mark.skipif(sys.platform == "win32", reason="signals as POSIX has them")
def test_ctrl_c_does_not_wait_for_a_service_that_says_nothing(served: Served, tmp_path: Path) -> None:
    served.faults.write_text("- {path: '*/full', delay: 15}")
    folder = tmp_path / "here"
    process = start_sync(served.service, folder)
    while not (folder / STATE).exists():
        time.sleep(0.01)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    sent = time.monotonic()
    _, said = process.communicate(timeout=20)
    assert (process.returncode, said) == (130, "")
    assert time.monotonic() - sent < 3
    assert not list(folder.glob("*.tif"))
    assert len(json.loads((folder / STATE).read_text())["pending"]) == 6


# ---- failures --------------------------------------------------------------------------------------------


def test_a_scene_that_failed_comes_next_time_although_newer_ones_came(
    archive: Path, own: Served, sync: Sync, tmp_path: Path
) -> None:
    folder = tmp_path / "here"
    oldest = own.scenes()[-1]
    own.faults.write_text(f"- {{path: '*/{oldest}/full', status: 404}}")
    done = sync(folder, ALL, code=1, of=own)
    assert re.fullmatch(rf"Error: .*404.*/{oldest}/full.*\n", done.stderr)
    assert len(list(folder.glob("*_visual.tif"))) == 5 and not list(folder.glob(f"{oldest}*"))
    own.faults.write_text("[]")
    newer = scenes_of(archive)[NEW]
    add(archive, own.folder, newer)
    own.wait_for(newer)
    # This search finds the newest only; the one that failed comes all the same.
    done = sync(folder, ALL, "--limit", "1", of=own)
    assert (folder / f"{oldest}_visual.tif").read_bytes() == (own.folder / f"{oldest}_visual.tif").read_bytes()
    assert (folder / f"{newer}_visual.tif").exists()
    assert len(done.stdout.splitlines()) == 4
    assert json.loads((folder / STATE).read_text())["pending"] == {}


def test_a_scene_that_the_service_no_longer_has_is_not_waited_for(served: Served, sync: Sync, tmp_path: Path) -> None:
    folder = tmp_path / "here"
    scene = served.scenes()[-1]
    served.faults.write_text(f"- {{path: '*/{scene}/full', status: 404}}")
    sync(folder, ALL, code=1)
    served.faults.write_text(f"- {{path: '*/{scene}', status: 404}}")
    done = sync(folder, ALL, "--limit", "1")
    assert f"PLANET:ortho/{scene} is no longer at the service" in done.stderr
    assert sync(folder, ALL, "--limit", "1").stderr == ""


def test_a_product_that_a_scene_does_not_have_is_told_and_stops_nothing(
    served: Served, sync: Sync, tmp_path: Path
) -> None:
    folder = tmp_path / "here"
    done = sync(folder, ALL, "--limit", "1", "--product", "unrectified,visual", code=1)
    scene = served.scenes()[0]
    assert done.stderr.startswith(f"Error: Scene {scene} has no product 'unrectified'; it has: ")
    assert (folder / f"{scene}_visual.tif").exists() and (folder / f"{scene}_metadata.json").exists()
    # A slip of the pen is not remembered.
    assert sync(folder, ALL, "--limit", "1").stderr == ""


def test_a_service_that_fell_silent_is_not_asked_for_every_scene(
    archive: Path, own: Served, sync: Sync, tmp_path: Path
) -> None:
    more = scenes_of(archive)[NEW : NEW + 24]
    for scene in more:
        add(archive, own.folder, scene)
    own.wait_for(*more)
    own.faults.write_text("- {path: '*/full', status: 503, headers: {Retry-After: '0'}}")
    folder = tmp_path / "here"
    done = sync(folder, ALL, code=1, of=own)
    assert "503" in done.stderr and len(done.stderr.splitlines()) == 1
    assert MOST_IN_A_ROW <= len({scene for scene, _ in own.asked_for()}) < 30
    assert len(json.loads((folder / STATE).read_text())["pending"]) == 30
    own.faults.write_text("[]")
    sync(folder, ALL, of=own)
    assert len(list(folder.glob("*_visual.tif"))) == 30


def test_a_search_that_cannot_be_had_whole_changes_nothing(served: Served, sync: Sync, tmp_path: Path) -> None:
    folder = tmp_path / "here"
    sync(folder, ALL, "--limit", "2")
    before = contents(folder)
    served.faults.write_text("- {path: '/v0/scenes/ortho/', status: 400}")
    assert sync(folder, ALL, code=1).stderr.startswith("Error: ")
    assert contents(folder) == before


# ---- two at once -----------------------------------------------------------------------------------------


def test_two_syncs_of_a_folder_do_not_fight(served: Served, sync: Sync, tmp_path: Path) -> None:
    served.faults.write_text("- {path: '*/full', delay: 10, times: 1}")  # longer than both that come meanwhile
    folder = tmp_path / "here"
    first = start_sync(served.service, folder)
    while not (folder / STATE).exists():
        time.sleep(0.01)
    done = sync(folder, ALL, code=1)
    assert f"Another sync of {folder} is under way" in done.stderr and len(done.stderr.splitlines()) == 1
    assert sync(folder, ALL, "--dry-run").stdout != ""  # which writes nothing, and may be asked at any time
    out, said = first.communicate(timeout=60)
    assert (first.returncode, said) == (0, "")
    assert len(out.splitlines()) == 12 and len(list(folder.glob("*_visual.tif"))) == 6


@pytest.mark.skipif(sys.platform == "win32", reason="signals as POSIX has them")
def test_a_lock_ends_with_its_process_however_that_ends(served: Served, sync: Sync, tmp_path: Path) -> None:
    served.faults.write_text("- {path: '*/full', delay: 10}")
    folder = tmp_path / "here"
    first = start_sync(served.service, folder)
    while not (folder / STATE).exists():
        time.sleep(0.01)
    sync(folder, ALL, code=1)
    first.kill()
    first.communicate()
    assert (folder / LOCK).exists()
    served.faults.write_text("[]")
    sync(folder, ALL)
    assert len(list(folder.glob("*_visual.tif"))) == 6


# ---- what others left ------------------------------------------------------------------------------------


def test_a_folder_of_planet_s_own_client_goes_on(archive: Path, served: Served, sync: Sync, tmp_path: Path) -> None:
    """It has the same files; what that client missed, and would never have fetched, comes."""
    folder = tmp_path / "here"
    folder.mkdir()
    scenes = served.scenes()
    for scene in scenes[1:5]:
        shutil.copy(served.folder / f"{scene}_visual.tif", folder)
        feature = planet_vector.connect(served.service.url, served.service.key).scene("ortho", scene).feature
        (folder / f"{scene}_metadata.json").write_text(json.dumps(feature))
    published = [f["properties"].get("published") for f in features(served.service)]
    latest = max(filter(None, published), key=parse_time)
    (folder / "sync.json").write_text(json.dumps({"latest": latest}))
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    done = sync(folder, ALL)
    assert sorted(scene for scene, _ in served.asked_for()) == sorted([scenes[0], scenes[5]])
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir() if path.name in before} == before
    assert "older than the time in sync.json" in done.stderr and done.stderr[0] in "12"


def test_an_area_that_planet_s_own_client_kept_is_taken(served: Served, sync: Sync, tmp_path: Path) -> None:
    """Its ``sync DIR`` took the area of ``aoi.geojson`` in the folder; an old line of a crontab goes on."""
    west, south, east, north = 170.0, 10.0, 171.0, 11.0
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    area = {"type": "Feature", "properties": {}, "geometry": {"type": "Polygon", "coordinates": [ring]}}
    (tmp_path / "aoi.geojson").write_text(json.dumps(area))
    done = sync(tmp_path)
    assert (done.stdout, len(done.stderr.splitlines())) == ("", 2) and "aoi.geojson" in done.stderr
    assert "No scenes found: " in done.stderr
    scene = next(f for f in features(served.service) if f["id"] == served.scenes()[0])
    (tmp_path / "aoi.geojson").write_text(json.dumps(scene["geometry"]))
    found = shapely.geometry.shape(scene["geometry"])
    wanted = {f["id"] for f in features(served.service) if found.intersects(shapely.geometry.shape(f["geometry"]))}
    sync(tmp_path)
    assert {path.name for path in tmp_path.glob("*.tif")} == {f"{each}_visual.tif" for each in wanted}
    # What is said goes before what lies there.
    assert len(sync(tmp_path, ALL, "--dry-run").stdout.splitlines()) == 6 - len(wanted)


def test_a_file_without_metadata_is_measured_and_fetched_if_it_is_another(
    served: Served, sync: Sync, tmp_path: Path
) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    first, second = served.scenes()[:2]
    shutil.copy(served.folder / f"{first}_visual.tif", folder)
    (folder / f"{second}_visual.tif").write_bytes(b"not all of it")
    (folder / f"{second}_metadata.json").write_text('{"type": "Feature", "id": ')
    done = sync(folder, ALL, "--limit", "2")
    assert str(folder / f"{first}_visual.tif") not in done.stdout.splitlines()
    for scene in (first, second):
        name = f"{scene}_visual.tif"
        assert (folder / name).read_bytes() == (served.folder / name).read_bytes()
        assert json.loads((folder / f"{scene}_metadata.json").read_text())["id"] == scene


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ("{", "cannot be read"),
        ("[]", "cannot be read"),
        ('{"version": 1, "pending": {"../x": {"products": []}}}', "cannot be read"),
        ('{"version": 1, "pending": {"PLANET:ortho/a": {}}}', "cannot be read"),
        ('{"version": 2, "pending": {}}', "later version"),
    ],
)
def test_a_state_that_is_none_is_told(served: Served, sync: Sync, tmp_path: Path, state: str, told: str) -> None:
    (tmp_path / STATE).write_text(state)
    done = sync(tmp_path, ALL, "--limit", "1", code=1)
    assert told in done.stderr and STATE in done.stderr and len(done.stderr.splitlines()) == 1
    assert (tmp_path / STATE).read_text() == state


def test_a_folder_that_cannot_be_is_told(served: Served, sync: Sync, tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / LOCK).write_text("what is this? " * 100)
    assert "cannot be locked" in sync(tmp_path / "here", ALL, code=1).stderr
    (tmp_path / "file").write_text("")
    assert "file" in sync(tmp_path / "file", ALL, code=2).stderr


# ---- from Python -----------------------------------------------------------------------------------------


@pytest.fixture
def reached(served: Served, monkeypatch: pytest.MonkeyPatch) -> Served:
    monkeypatch.setenv("PL_API_URL", served.service.url)
    monkeypatch.setenv("PL_API_KEY", served.service.key)
    return served


def test_python_has_it_too(reached: Served, tmp_path: Path) -> None:
    folder = tmp_path / "here"
    told: List[Tuple[str, Any]] = []
    scene = reached.scenes()[0]
    would = planet_vector.sync("PLANET:ortho?limit=1", folder, dry_run=True)
    found = planet_vector.sync(
        "PLANET:ortho?limit=1",
        str(folder),
        ["visual"],
        progress=lambda path, done, total: told.append((path.name, total)),
    )
    assert would == [folder / f"{scene}_visual.tif"]
    assert found == [folder / f"{scene}_visual.tif", folder / f"{scene}_metadata.json"]
    assert set(told) == {(f"{scene}_visual.tif", found[0].stat().st_size)}
    assert planet_vector.sync(planet_vector.search("PLANET:ortho?limit=1"), folder) == []
    with pytest.raises(NotFoundError, match="no product 'nosuch'"):
        planet_vector.sync("PLANET:ortho?limit=1", folder, ["nosuch"])
    with pytest.raises(RasterAccessError, match="2 scenes or products"):
        planet_vector.sync("PLANET:ortho?limit=2", folder, ["nosuch"])
    (folder / STATE).write_text("{")
    with pytest.raises(ConfigError):
        planet_vector.sync("PLANET:ortho?limit=1", folder)


@pytest.mark.parametrize(
    ("scene_id", "product"), [("..", "visual"), ("a\nb", "visual"), ("s1", ".."), ("a" * 300, "visual")]
)
def test_what_cannot_be_a_file_s_name_is_not_written(
    reached: Served, tmp_path: Path, scene_id: str, product: str
) -> None:
    link = f"{reached.service.url}scenes/ortho/{reached.scenes()[0]}/full?product=visual"
    feature = {"type": "Feature", "id": scene_id, "properties": {"data": {"products": {product: {"full": link}}}}}
    folder = tmp_path / "deep" / "here"
    good = planet_vector.search("PLANET:ortho?limit=1")[0]
    with pytest.raises(planet_vector.ProtocolError, match="cannot be a file's name"):
        planet_vector.sync([Scene(feature, ORTHO), good], folder, ["all"])
    assert (folder / f"{good.id}_visual.tif").exists()  # the others come
    assert [path.name for path in tmp_path.joinpath("deep").iterdir()] == ["here"]
    assert all(path.name.startswith((good.id, ".planet_vector-sync")) for path in folder.iterdir())


@pytest.mark.parametrize(
    ("scene_id", "product", "name"),
    [
        ("../evil", "visual", "%2E.%2Fevil_visual.tif"),
        ("a/b", "visual", "a%2Fb_visual.tif"),
        ("s1", "../../evil", "s1_%2E.%2F..%2Fevil.tif"),
        ("a b", "visual", "a b_visual.tif"),
    ],
)
def test_an_id_with_a_path_in_it_leads_nowhere_else(
    reached: Served, tmp_path: Path, scene_id: str, product: str, name: str
) -> None:
    link = f"{reached.service.url}scenes/ortho/{reached.scenes()[0]}/full?product=visual"
    feature = {"type": "Feature", "id": scene_id, "properties": {"data": {"products": {product: {"full": link}}}}}
    folder = tmp_path / "deep" / "here"
    planet_vector.sync([Scene(feature, ORTHO)], folder, ["all"])
    assert (folder / name).read_bytes() == (reached.folder / f"{reached.scenes()[0]}_visual.tif").read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == ["deep"]
    assert [path.name for path in tmp_path.joinpath("deep").iterdir()] == ["here"]
