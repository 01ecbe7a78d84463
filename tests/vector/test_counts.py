"""Counts and rows are of one view, whatever the service has by now and whatever its scenes hold."""

from __future__ import annotations

import json
import random
import time
from pathlib import Path
from typing import Any, Callable

import pyogrio
import pytest
import requests
import yaml

from planet_vector.vector.result_cache import CACHE
from tests.conftest import Service, Start
from tests.faces import Face
from tests.vector.conftest import make_scene, write_scenes

# For each filter: what GetFeatureCount says and what it asks, how many features come, and what it says then.
COUNTED = """
import json, sys
import requests
from osgeo import ogr
ogr.UseExceptions()
asked = []
request = requests.Session.request
requests.Session.request = lambda self, method, url, **more: asked.append(url) or request(self, method, url, **more)
source = ogr.Open("PLANET:ortho")
layer = source.GetLayer(0)

def counts(wheres):
    found = []
    for where in wheres:
        layer.SetAttributeFilter(where)
        count = layer.GetFeatureCount()
        found.append([count, sum(1 for _ in layer), layer.GetFeatureCount()])
    return found

first = counts(json.loads(sys.argv[1]))
layer.SetAttributeFilter(None)
print(json.dumps({"fresh": first, "all": sum(1 for _ in layer)}), flush=True)
sys.stdin.readline()  # until the service has other scenes
del asked[:]
print(json.dumps({"kept": counts(json.loads(sys.argv[1])), "asked": len(asked)}), flush=True)
"""


@pytest.fixture
def environ(monkeypatch: pytest.MonkeyPatch) -> Callable[[Service], dict[str, str]]:
    """Return a function that has this process use a service, and returns the environment in which others do."""

    def use(service: Service) -> dict[str, str]:
        monkeypatch.setenv("PL_API_URL", service.root)
        monkeypatch.setenv("PL_API_KEY", service.key)
        monkeypatch.setenv("PLANET_RATE", "0")
        CACHE.clear()
        return {**service.environ, "PLANET_RATE": "0"}

    return use


WHERES = [
    '"cloud_cover.estimated" < 50',
    '"image_statistics.gsd" > 3',
    '"sat.id" = \'0905\' AND "sat.off_nadir" >= 2.5',
    "acquired > '2015-02-01'",
    "acquired BETWEEN '2015-02-01' AND '2015-02-20'",
    "\"image_statistics.image_quality\" = 'standard'",
    "id LIKE '2015%'",
]


def test_counts_are_those_of_the_rows_when_the_service_has_more_by_now(
    tmp_path: Path,
    start_service: Start,
    environ: Callable[[Service], dict[str, str]],
    face: Face,
    system_python: Callable[..., Any],
) -> None:
    import subprocess

    from tests.conftest import QGIS_PYTHON

    if not QGIS_PYTHON.exists():
        pytest.skip("Debian's Python with QGIS is not set up: run 'make test'")
    rng = random.Random(4)
    scenes = [make_scene(number, rng) for number in range(120)]
    service = start_service(write_scenes(tmp_path / "scenes", scenes[:80]), "--rescan", "0.5")
    process = subprocess.Popen(
        [str(QGIS_PYTHON), "-c", COUNTED, json.dumps(list(map(face.spell, WHERES)))],
        env=environ(service),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    first = json.loads(process.stdout.readline())
    assert first["all"] == 80
    write_scenes(tmp_path / "scenes", scenes)
    end = time.monotonic() + 20
    while time.monotonic() < end:
        answer = requests.get(f"{service.url}scenes/ortho/?count=1", auth=(service.key, ""), timeout=10).json()
        if answer["count"] == 120:
            break
        time.sleep(0.2)
    else:
        raise AssertionError("the service did not take the new scenes")
    process.stdin.write("go on\n")
    process.stdin.close()
    then = json.loads(process.stdout.readline())
    process.stdout.close()
    assert process.wait(30) == 0
    for counts in [*first["fresh"], *then["kept"]]:
        assert len(set(counts)) == 1, counts
    assert then["kept"] == first["fresh"]  # still the view that is kept
    assert then["asked"] == 0


def odd_scenes() -> list[dict[str, Any]]:
    """Make scenes with values that no column can hold, and some that just fit."""
    rng = random.Random(5)
    scenes = [make_scene(number, rng) for number in range(160)]
    for number, scene in enumerate(scenes):
        properties = scene["properties"]
        properties["image_statistics"]["gsd"] = [12.5, 2**53 + 1, 10**300, -(2**60), True, "1430000000", [7], None][
            number % 8
        ]
        properties["sat"]["id"] = ["0905", 905, "905", 9.5, "9.5", True, None, {"a": 1}][number % 8]
        properties["camera"]["bit_depth"] = [12, 12.5, 2**31, True, "12", None][number % 6]
        properties["cloud_cover"]["estimated"] = [5, 5.0, 5.5, False, "5", 10**20][number % 6]
    return scenes


def test_counts_are_those_of_the_rows_when_values_do_not_fit_their_columns(
    tmp_path: Path,
    start_service: Start,
    environ: Callable[[Service], dict[str, str]],
    face: Face,
    system_python: Callable[..., Any],
) -> None:
    service = start_service(write_scenes(tmp_path / "scenes", odd_scenes()))
    wheres = [
        f'"{name}" {operator} {value}'
        for name, values in {
            "image_statistics.gsd": ("5", "-1e30", "9007199254740992", "1e300"),
            "cloud_cover.estimated": ("0", "5", "5.5", "0.5"),
            "camera.bit_depth": ("0", "12", "12.5", "2147483648"),
        }.items()
        if face.has(name)
        for operator in (">", ">=", "<", "<=", "=")
        for value in values
    ] + [f"\"sat.id\" = '{text}'" for text in ("0905", "905", "9.5", "True", "1", "")]
    wheres = list(map(face.spell, wheres))
    done = system_python(COUNTED, json.dumps(wheres), env=environ(service), input="\n")
    assert done.returncode == 0, done.stderr
    fresh, kept = map(json.loads, done.stdout.splitlines())
    assert fresh["all"] == 160
    wrong = {where: counts for where, counts in zip(wheres, fresh["fresh"]) if len(set(counts)) > 1}
    assert wrong == {}
    assert kept["kept"] == fresh["fresh"]
    # Independent of all of it: the numbers that the scenes hold.
    numbers = [scene["properties"]["image_statistics"]["gsd"] for scene in odd_scenes()]
    doubles = [n for n in numbers if type(n) in (int, float) and abs(n) < 2**1023]
    assert fresh["fresh"][wheres.index(face.spell('"image_statistics.gsd" > 5'))][0] == sum(n > 5 for n in doubles)


@pytest.mark.parametrize("ttl", ["300", "0"])
@pytest.mark.parametrize("where", [None, '"cloud_cover.estimated" < 50', "acquired > '2015-02-01'"])
def test_a_reader_that_sizes_by_the_count_gets_what_is_there_by_then(
    tmp_path: Path,
    start_service: Start,
    environ: Callable[[Service], dict[str, str]],
    monkeypatch: pytest.MonkeyPatch,
    face: Face,
    where: str | None,
    ttl: str,
) -> None:
    rng = random.Random(6)
    scenes = [make_scene(number, rng) for number in range(300)]
    (tmp_path / "faults.yml").write_text("[]")
    archive = write_scenes(tmp_path / "scenes", scenes)
    service = start_service(archive, "--faults", str(tmp_path / "faults.yml"))
    environ(service)
    monkeypatch.setenv("PLANET_CACHE_TTL", ttl)
    # The service had 20 scenes less when it was first asked, and pyogrio takes no more than were counted.
    (tmp_path / "faults.yml").write_text(yaml.safe_dump([face.counting_fewer(300, 280)]))
    found = pyogrio.raw.read("PLANET:ortho", columns=["id"], where=where and face.spell(where), read_geometry=False)[3][
        0
    ]
    expected = [
        scene["id"]
        for scene in scenes
        if where is None
        or (where.startswith("acq") and scene["properties"]["acquired"] > "2015-02-01")
        or (where.startswith('"cl') and scene["properties"]["cloud_cover"]["estimated"] < 50)
    ]
    assert sorted(found) == sorted(expected)


def test_ids_are_found_in_whatever_case_they_are_written(
    tmp_path: Path, start_service: Start, environ: Callable[[Service], dict[str, str]]
) -> None:
    rng = random.Random(7)
    names = ["Scene", "scene", "MiXeD_1", "..", ".", "20150306_022415_0C1D", "1234", "a/b", "é", "É", "it's"]
    scenes = [{**make_scene(number, rng), "id": name} for number, name in enumerate(names)]
    service = start_service(write_scenes(tmp_path / "scenes", scenes))
    environ(service)

    def found(where: str) -> list[str]:
        return sorted(pyogrio.raw.read("PLANET:ortho", columns=["id"], where=where, read_geometry=False)[3][0])

    there = found("id LIKE '%'")
    assert set(there) >= {"Scene", "scene", "MiXeD_1", "20150306_022415_0C1D", "1234"}
    asked = [
        (["SCENE"], {"scene"}),
        (["mixed_1"], {"mixed_1"}),
        (["20150306_022415_0c1d", ""], {"20150306_022415_0c1d", ""}),
        (["..", "."], {"..", "."}),
        (["1234", "nobody"], {"1234", "nobody"}),
        ([""], {""}),
        (["A/B", "It's"], {"a/b", "it's"}),
    ]
    for again in (False, True):
        for texts, folded in asked:
            if not again:
                CACHE.clear()
            expected = [name for name in there if name.lower() in folded]
            listed = ", ".join("'" + text.replace("'", "''") + "'" for text in texts)
            assert found(f"id IN ({listed})") == expected, texts
            if len(texts) == 1:
                assert found(f"id = {listed}") == expected, texts
