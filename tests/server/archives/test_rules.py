"""Scenes of files that a rule file describes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
import rasterio
import yaml
from hypothesis import given
from hypothesis import strategies as st

from planet_vector.errors import ArchiveError
from planet_vector.server.archive.fields import SceneFields
from planet_vector.server.archive.inventory import scan
from planet_vector.server.archive.kinds import ruled
from planet_vector.server.archive.rule_patterns import MOST_REPEATS, has_nested_repeats, repeats_of
from planet_vector.server.archive.rules import RULES_FILE, load_rules
from planet_vector.server.archive.units import SKIPPED

from ..conftest import PROGRAM, ROOT, Serve
from .missions import by_key, only_scene, properties, scenes_in, write_image

PAGE = (ROOT / "docs" / "archives.md").read_text(encoding="utf-8")
EXAMPLE = re.search(r"```yaml\n(rules:.*?)```", PAGE, re.DOTALL)


def write_rules(root: Path, *rules: Any) -> None:
    root.mkdir(parents=True, exist_ok=True)
    (root / RULES_FILE).write_text(yaml.safe_dump({"rules": list(rules)}), encoding="utf-8")


def test_examples_of_the_page_run_as_they_are(tmp_path: Path) -> None:
    assert EXAMPLE
    (tmp_path / RULES_FILE).write_text(EXAMPLE[1], encoding="utf-8")
    write_image(tmp_path / "flights" / "north" / "20210630_rgb.tif", bands=3, dtype="uint8")
    write_image(tmp_path / "flights" / "north" / "20210630_ms.tif", bands=4)
    write_image(tmp_path / "scans" / "1975" / "sheet 4.tif", dtype="uint8")
    with rasterio.open(tmp_path / "scans" / "1975" / "sheet 4.tif", "r+") as dataset:
        dataset.update_tags(TIFFTAG_DATETIME="1975:05:04 10:11:12")
    write_image(tmp_path / "modis" / "ndvi_7.tif")
    (tmp_path / "modis" / "ndvi_7.json").write_text(json.dumps({"properties": {"when": "2020-05-04T24:00:00+01:00"}}))
    write_image(tmp_path / "old" / "bad.tif")
    (tmp_path / "old" / "notes.json").write_text("{}")
    found, problems = scenes_in(tmp_path)
    assert {(p.path, p.kind) for p in problems} == {("old/bad.tif", SKIPPED), ("old/notes.json", SKIPPED)}
    assert set(found) == {"north_20210630", "1975~sheet 4", "ndvi_7"}
    flight = found["north_20210630"]
    assert (flight.scene_type, flight.item_type or "drone", flight.guessed) == ("drone", "drone", ())
    assert flight.products == {
        "visual": "flights/north/20210630_rgb.tif",
        "analytic": "flights/north/20210630_ms.tif",
    }
    assert properties(flight)["acquired"] == "2021-06-29T22:00:00+00:00"
    assert properties(flight)["provider"] == "survey office"
    assert [info.band.name for info in by_key(flight)["analytic"].bands] == ["green", "red", "rededge", "nir"]
    assert [info.band.common for info in by_key(flight)["analytic"].bands] == ["green", "red", "rededge", "nir"]
    assert properties(found["1975~sheet 4"])["acquired"] == "1975-05-04T10:11:12+00:00"
    assert properties(found["ndvi_7"])["acquired"] == "2020-05-04T23:00:00+00:00"
    assert found["ndvi_7"].products == {"ndvi": "modis/ndvi_7.tif"}


def test_a_rule_precedes_other_kinds(tmp_path: Path) -> None:
    write_image(tmp_path / "LC81920272015205LGN00_B4.TIF")
    write_rules(tmp_path, {"match": r"(?P<id>L.+)_B4\.TIF", "type": "mine", "product": "red"})
    record = only_scene(tmp_path)
    assert (record.scene_type, record.feature["id"]) == ("mine", "LC81920272015205LGN00")


def test_times_in_order_of_preference(tmp_path: Path) -> None:
    sources = [
        {"sidecar": "../times/{id}.json", "key": "a.b"},
        {"tag": "TIFFTAG_DATETIME", "zone": "-03:30"},
        {"from": "date", "format": "%d.%m.%Y %H:%M %z"},
        {"from": "day"},
    ]
    pattern = r"r/(?P<id>\w)(?: (?P<date>.+))?(?:_(?P<day>\d+))?\.tif"
    write_rules(tmp_path, {"match": pattern, "type": "x", "time": sources})
    for name in ("a", "b", "c 04.05.2020 10:00 +0200", "d_20200504", "e"):
        write_image(tmp_path / "r" / f"{name}.tif")
        os.utime(tmp_path / "r" / f"{name}.tif", (1_600_000_000, 1_600_000_000))
    (tmp_path / "times").mkdir()
    (tmp_path / "times" / "a.json").write_text('{"a": {"b": "2020-01-02"}}')
    with rasterio.open(tmp_path / "r" / "b.tif", "r+") as dataset:
        dataset.update_tags(TIFFTAG_DATETIME="2020:01:02 22:00:00")
    os.utime(tmp_path / "r" / "b.tif", (1_600_000_000, 1_600_000_000))
    found, problems = scenes_in(tmp_path)
    assert not problems
    assert {name: str(properties(record)["acquired"])[:16] for name, record in found.items()} == {
        "a": "2020-01-02T00:00",
        "b": "2020-01-03T01:30",
        "c": "2020-05-04T08:00",
        "d": "2020-05-04T00:00",
        "e": "2020-09-13T12:26",
    }
    assert {name: record.guessed for name, record in found.items() if record.guessed} == {"e": ("acquired",)}


def test_a_zone_in_the_text_wins(tmp_path: Path) -> None:
    source = {"sidecar": "t.json", "key": "t", "zone": "+02:00"}
    for text, hour in (("2020-01-02T10:00:00Z", 10), ("2020-01-02T10:00:00+05:00", 5), ("2020-01-02T10:00:00", 8)):
        write_rules(tmp_path, {"match": r"(?P<id>a)\.tif", "type": "x", "time": source})
        write_image(tmp_path / "a.tif")
        (tmp_path / "t.json").write_text(json.dumps({"t": text}))
        assert properties(only_scene(tmp_path))["acquired"] == f"2020-01-02T{hour:02}:00:00+00:00"


def test_an_unreadable_time_is_reported(tmp_path: Path) -> None:
    time_of = {"from": "id", "format": "%Y%m%d"}
    write_rules(tmp_path, {"match": r"(?P<id>.+)\.tif", "type": "x", "time": time_of})
    write_image(tmp_path / "20211399.tif")
    found, problems = scenes_in(tmp_path)
    assert found["20211399"].guessed == ("acquired",)
    assert ["rule 1 cannot read" in problem.text for problem in problems] == [True]


def test_a_product_by_its_pixels_or_a_template(tmp_path: Path) -> None:
    write_rules(
        tmp_path,
        {"match": r"p/(?P<id>.+)\.tif", "type": "x"},
        {"match": r"t/(?P<id>\w+)-(?P<band>\w+)\.tif", "type": "y", "product": "b_{band}"},
    )
    write_image(tmp_path / "p" / "a.tif", bands=3, dtype="uint8")
    write_image(tmp_path / "t" / "a-NIR.tif")
    write_image(tmp_path / "t" / "a-RED.tif")
    units, problems = scan(tmp_path)
    records = [record for unit in units.values() for record in ruled.KIND.read(tmp_path, unit, problems)]
    assert not problems
    assert {r.scene_type: sorted(r.products) for r in records} == {"x": ["visual"], "y": ["b_nir", "b_red"]}


def test_problems_of_files_name_the_rule(tmp_path: Path) -> None:
    rule = {
        "match": r"(?P<id>\w+)-(?P<w>\w+)\.tif",
        "type": "x",
        "product": {"a": "one"},
        "by": "w",
        "bands": ["r", "g"],
    }
    write_rules(tmp_path, rule)
    write_image(tmp_path / "s-a.tif")
    write_image(tmp_path / "s-b.tif")
    found, problems = scenes_in(tmp_path)
    assert found["s"].products == {"one": "s-a.tif"}
    assert sorted((p.path, "rule 1" in p.text) for p in problems) == [("s-a.tif", True), ("s-b.tif", True)]


def test_properties_are_in_every_api(tmp_path: Path) -> None:
    said = {"provider": "office", "field": "{f}", "flight": 7, "instrument": "MX"}
    write_rules(tmp_path, {"match": r"(?P<f>.+)/(?P<id>.+)\.tif", "type": "x", "properties": said})
    write_image(tmp_path / "north" / "a.tif")
    record = only_scene(tmp_path)
    assert {name: properties(record).get(name) for name in ("provider", "field", "flight")} == {
        "provider": "office", "field": "north", "flight": 7,
    }  # fmt: skip
    fields = SceneFields.of_json(record.item)
    assert (fields.instrument, fields.v1["field"], fields.stac["flight"]) == ("MX", "north", 7)


OK = {"match": r"(?P<id>.+)\.tif", "type": "x"}
ERRORS = [
    ({**OK, "mach": 1}, "unknown key 'mach'"),
    ({**OK, "match": "("}, "unreadable pattern"),
    ({**OK, "match": 7}, "needs `match`"),
    ({"type": "x"}, "needs `match`"),
    ({"match": r".+\.tif", "type": "x"}, r"needs a group \(\?P<id>"),
    ({**OK, "id": "{id}_{field}"}, r"needs a group \(\?P<field>"),
    ({**OK, "id": "{id!r}"}, "needs a group"),
    ({**OK, "id": "{id"}, "unreadable template"),
    ({**OK, "id": ""}, "empty `id`"),
    ({**OK, "type": "Drone"}, "needs a `type`"),
    ({"match": ".+"}, "needs a `type`"),
    ({**OK, "product": {"a": "b"}}, "needs `by`"),
    ({**OK, "product": {"a": "b"}, "by": "what"}, "needs `by`"),
    ({**OK, "product": "a b"}, "letters a-z"),
    ({**OK, "product": {"a": "../x"}, "by": "id"}, "letters a-z"),
    ({**OK, "by": "id"}, "no mapping"),
    ({**OK, "time": {"from": "when"}}, r"needs a group \(\?P<when>"),
    ({**OK, "time": {"from": "id", "tag": "x"}}, "needs one of"),
    ({**OK, "time": {"form": "id"}}, "unknown key 'form'"),
    ({**OK, "time": {"sidecar": "a.json"}}, "together"),
    ({**OK, "time": {"tag": "x", "zone": "CEST"}}, "not an offset"),
    ({**OK, "time": {"tag": "x", "zone": "+99:00"}}, "not an offset"),
    ({**OK, "time": "id"}, "not a mapping"),
    ({**OK, "bands": "red"}, "`bands`"),
    ({**OK, "bands": [1]}, "`bands`"),
    ({**OK, "properties": ["a"]}, "`properties`"),
    ({**OK, "properties": {"a": {"b": 1}}}, "not a text"),
    ({**OK, "properties": {"a": "{b}"}}, "needs a group"),
    ({"match": ".+", "skip": True, "type": "x"}, "nothing besides"),
    ({"match": ".+", "skip": "yes please"}, "neither true nor false"),
    ("a", "is not a mapping"),
    ({**OK, "match": r"(?P<id>(a+)+)\.tif"}, "very long"),
]


@pytest.mark.parametrize(("rule", "reason"), ERRORS, ids=[reason for _, reason in ERRORS])
def test_errors_name_the_rule(tmp_path: Path, rule: Any, reason: str) -> None:
    write_rules(tmp_path, OK, rule)
    with pytest.raises(ArchiveError, match=rf"rule 2 .*{reason}") as error:
        scan(tmp_path)
    assert RULES_FILE in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "rules: {}",
        "rules: []\nother: 1",
        "rules: [",
        "\xff",
        "a: &a [1]\nrules: [*a, *a]",
        "rules: " + "[" * 2000,
    ],
)
def test_other_files_are_errors(tmp_path: Path, text: str) -> None:
    (tmp_path / RULES_FILE).write_text(text, encoding="latin-1")
    with pytest.raises(ArchiveError, match="The rule file .*(must contain|cannot be read)"):
        load_rules(tmp_path / RULES_FILE)


NESTED = [
    r"(a+)+", r"(a*)*", r"(?:a|b)*", r"(\d{1,9}){2,}", r"(x(?P<n>y+)z)+", r"((a)*)?b*c((d|e))+", r"(a?){9}",
    r"(.*?,){1,9}",
    r"(?P<a>x)(\1)+",
]  # fmt: skip
PLAIN = [
    r"(?P<id>\w+)(?:_\d)?\.tif",
    r"(?P<id>.+)\.tif", r"(a+)(b+)", r"[(+)*|]+x*", r"\(a+\)+", r"(?:\d{2}_){3}", r"(\d{4})-(\d\d)", r"a|b|c+",
    r"(a|b)c*",
    r"(?i)(abc)+", r"(?:ab)*", r"x{a}", r"[]+]+", r"[^]+]+", r"\d{8}_\w+?",
]  # fmt: skip


@pytest.mark.parametrize("pattern", NESTED)
def test_catastrophic_patterns_are_refused(pattern: str) -> None:
    re.compile(pattern)
    assert has_nested_repeats(pattern)


def test_many_repetitions_are_refused(tmp_path: Path) -> None:
    write_rules(tmp_path, {"match": "a?" * 26 + "a" * 26, "skip": True})
    with pytest.raises(ArchiveError, match="rule 1 has a pattern with 26 repetitions, more than 12"):
        scan(tmp_path)


@pytest.mark.parametrize("pattern", PLAIN)
def test_usual_patterns_are_allowed(pattern: str) -> None:
    re.compile(pattern)
    assert not has_nested_repeats(pattern)


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")  # of unusual patterns
@given(st.text("ab(+*?|)[]\\d.{1,}", max_size=14), st.sampled_from(["a" * 26 + "!", "ab" * 13 + "!", "1" * 26 + "!"]))
def test_an_allowed_pattern_is_fast(pattern: str, path: str) -> None:
    try:
        compiled = re.compile(pattern)
    except (re.error, OverflowError):
        return
    if not has_nested_repeats(pattern) and repeats_of(pattern) <= MOST_REPEATS:
        start = time.process_time()
        compiled.fullmatch(path)
        assert time.process_time() - start < 2  # (a+)+ takes 10 s for these texts


def test_a_slow_pattern_ends_with_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_rules(tmp_path, {"match": r"(?P<id>.*.*.*.*x)\.tif", "type": "x"})
    write_image(tmp_path / f"{'a' * 100}.tif")
    monkeypatch.setattr(ruled, "_SECONDS", 0.001)
    with pytest.raises(ArchiveError, match="Rule 1 took more than"):
        scan(tmp_path)


def test_served_with_a_rule_file_elsewhere(serve: Serve, tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    write_image(archive / "a_1.tif")
    write_image(archive / "skipped.tif")
    rules = tmp_path / "other.yaml"
    write_rules(tmp_path, {"match": r"(?P<id>.)_1\.tif", "type": "x", "product": "p"}, {"match": "s.*", "skip": True})
    (tmp_path / RULES_FILE).rename(rules)
    service = serve(archive, "--rules", str(rules), "--rescan", "0.2")
    (scene,) = service.json("scenes/x/")["features"]
    assert scene["id"] == "a"
    assert service.json("scenes/ortho/")["features"] == []
    write_rules(tmp_path, {"match": r"(?P<id>.)_1\.tif", "type": "x", "product": "q"}, {"match": "s.*", "skip": True})
    (tmp_path / RULES_FILE).rename(rules)
    (archive / "new.json").write_text("7")  # a watched archive is scanned at once if a file of it changes
    for _ in range(100):
        (scene,) = service.json("scenes/x/")["features"]
        if list(scene["properties"]["data"]["products"]) == ["q"]:
            break
        time.sleep(0.1)
    else:
        raise AssertionError(scene)


def test_an_invalid_rule_ends_the_command_with_a_sentence(tmp_path: Path) -> None:
    write_rules(tmp_path / "archive", {"match": "(", "type": "x"})
    done = subprocess.run(
        [*PROGRAM, "index", str(tmp_path / "archive"), "--index", str(tmp_path / "i.sqlite")],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.returncode == 1
    assert re.search(r"Error: The rule file .*planet-vector\.yaml: rule 1 has an unreadable pattern", done.stderr)
    assert "Traceback" not in done.stderr
