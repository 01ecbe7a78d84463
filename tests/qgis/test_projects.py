"""Projects opened again: live, whatever has ended meanwhile, and no key in them."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import Any, Callable, Iterator, List
from urllib.parse import quote

import pytest
from osgeo import gdal
from qgis.core import QgsApplication, QgsProject, QgsRasterLayer, QgsSettings, QgsVectorLayer

from planet_scenes import layers, products, reopening, tasks
from planet_scenes.connections import connections
from planet_scenes.projects import Projects
from planet_vector import keys
from planet_vector.vector.result_cache import CACHE
from tests.conftest import KEY, Service, Start
from tests.qgis.conftest import (
    Desktop,
    Watched,
    ask,
    connect,
    inked,
    outcome,
    render,
    settle,
    summer_at,
    summer_of,
    wait_for,
)
from tests.qgis.test_products import pixels, scenes_of

BEFORE = Path(__file__).parent / "before"


@pytest.fixture
def projects(desktop: Desktop) -> Iterator[List[str]]:
    """Return the names of the connections that somebody was asked to log in to."""
    asked: List[str] = []
    made = Projects(asked.append)
    made.start()
    yield asked
    made.stop()


def fill(connection: Any) -> None:
    search = outcome(lambda done: layers.add_search_layer(connection, summer_at(connection), "Summer", done))
    scenes = scenes_of(connection)
    outcome(lambda done: products.add_products(connection, scenes[:1], "visual", done, search))
    outcome(lambda done: products.add_mosaic(connection, summer_at(connection), "visual", done, search))
    other = QgsVectorLayer("Polygon?crs=EPSG:4326", "other", "memory")
    QgsProject.instance().addMapLayer(other)


def close() -> None:
    """Close the project, and forget what a new session would not know."""
    QgsProject.instance().clear()
    settle()
    CACHE.clear()
    keys._lent.clear()


def named(title: str) -> Any:
    (layer,) = [found for found in QgsProject.instance().mapLayers().values() if title in found.name()]
    return layer


def test_it_opens_again_with_no_key_in_it(
    connection: Any, service: Service, desktop: Desktop, projects: List[str], tmp_path: Path
) -> None:
    fill(connection)
    first = pixels(named("visual").source())
    file = tmp_path / "summer.qgz"
    assert QgsProject.instance().write(str(file))
    with zipfile.ZipFile(file) as archive:
        for entry in archive.namelist():
            content = archive.read(entry)
            assert service.key.encode() not in content and b"api-key" not in content
    close()
    assert QgsProject.instance().read(str(file))
    settle()
    assert {layer.name() for layer in QgsProject.instance().mapLayers().values() if not layer.isValid()} == set()
    assert named("Summer").featureCount() == len(summer_of(service))
    assert named("Summer").renderer().type() == "graduatedSymbol"
    assert (pixels(named("visual").source()) == first).all()
    assert named("Mosaic of").isValid() and named("other").isValid()
    assert projects == [] and desktop.said() == []


@pytest.mark.parametrize(
    ("scene_type", "part", "parameters", "labels"),
    [
        ("ortho", "analytic", "", "blue green red nir"),
        ("ortho", "visual", "", "red green blue -"),
        ("landsat", "band_4,band_3,band_2", "", "red green blue"),
        ("landsat", "band_4,band_5", "&index=1,2", "-"),
        ("ortho", "", "&limit=2&product=analytic", "blue green red nir"),
    ],
)
def test_qgis_requests_nothing_when_it_opens_the_new_source(
    watched: Watched, archive: Path, desktop: Desktop, scene_type: str, part: str, parameters: str, labels: str
) -> None:
    catalog = connect(watched.service, "watched").catalog()
    scene = max(feature["id"] for feature in ask(watched.service, f"scenes/{scene_type}/")["features"])
    name = f"PLANET:{scene_type}/{scene}/{part}" if part else f"PLANET:{scene_type}"
    layer = QgsRasterLayer(str(next(archive.glob("*_visual.tif"))), "shown before", "gdal")
    gdal.VSICurlClearCache()  # as in a new session
    failures = reopening.Failures()
    source = reopening.reopened(catalog, f"{name}?api_url={watched.service.url}{parameters}", failures)
    # A second layer of the same files, restored before QGIS opens the first, takes nothing from it.
    reopening.reopened(catalog, f"{name}?api_url={watched.service.url}{parameters}", failures)
    assert [path for path in watched.requests() if "/scenes/" in path]
    layers.reopen(layer, source)
    assert layer.isValid() and layer.source() == source and watched.requests() == []
    opened = gdal.Open(source)
    found = [opened.GetRasterBand(number).GetDescription() for number in range(1, opened.RasterCount + 1)]
    assert " ".join(label or "-" for label in found) == labels


def test_a_layer_is_restored_once_the_map_is_drawn(
    connection: Any, desktop: Desktop, projects: List[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome(lambda done: products.add_products(connection, scenes_of(connection)[:1], "visual", done))
    file = tmp_path / "one.qgz"
    assert QgsProject.instance().write(str(file))
    close()
    shown: List[str] = []
    monkeypatch.setattr(layers, "reopen", lambda layer, source: shown.append(source))
    monkeypatch.setattr(desktop.canvas, "isDrawing", lambda: True)
    assert QgsProject.instance().read(str(file))
    settle()
    assert shown == []
    monkeypatch.setattr(desktop.canvas, "isDrawing", lambda: False)
    wait_for(lambda: shown)
    assert shown == [named("visual").source()]


def test_before_log_in_it_says_so_and_comes_alive_after(
    make_connection: Callable[..., Any], service: Service, desktop: Desktop, projects: List[str], tmp_path: Path
) -> None:
    connection = make_connection(service, "sample")
    fill(connection)
    file = tmp_path / "summer.qgz"
    assert QgsProject.instance().write(str(file))
    connections().log_out("sample")
    desktop.bar.clearWidgets()
    close()
    assert QgsProject.instance().read(str(file))
    settle()
    assert not named("Summer").isValid() and named("other").isValid()
    assert desktop.said() == ["The layers of sample require a log-in."]
    connections().log_in("sample", service.key)
    settle()
    assert named("Summer").isValid() and named("Summer").featureCount() == len(summer_of(service))
    assert pixels(named("visual").source()).any()


def test_a_filter_of_the_user_s_stays(
    make_connection: Callable[..., Any], service: Service, desktop: Desktop, projects: List[str], tmp_path: Path
) -> None:
    connection = make_connection(service, "sample")
    fill(connection)
    expected = sum(f["properties"]["cloud_cover"]["estimated"] <= 10 for f in summer_of(service))
    assert 0 < expected < len(summer_of(service))
    assert named("Summer").setSubsetString('"cloud_cover.estimated" <= 10')
    file = tmp_path / "summer.qgz"
    assert QgsProject.instance().write(str(file))
    connections().log_out("sample")
    close()
    assert QgsProject.instance().read(str(file))
    settle()
    connections().log_in("sample", service.key)
    settle()
    assert named("Summer").subsetString() == '"cloud_cover.estimated" <= 10'
    assert named("Summer").featureCount() == expected


def test_what_is_being_opened_is_not_put_into_another_project(
    make_connection: Callable[..., Any], slow_service: Service, desktop: Desktop, projects: List[str]
) -> None:
    connection = make_connection(slow_service, "slow")
    scenes = scenes_of(connection)[:1]
    layers.add_search_layer(connection, summer_at(connection), "Summer")
    products.add_products(connection, scenes, "visual")
    QgsProject.instance().clear()
    wait_for(lambda: not tasks._running)
    settle()
    assert QgsProject.instance().mapLayers() == {}


def test_a_key_that_is_gone_is_told_when_a_project_is_opened(
    connection: Any, desktop: Desktop, projects: List[str]
) -> None:
    QgsApplication.authManager().removeAuthenticationConfig(connection.authcfg)
    keys._lent.clear()
    QgsProject.instance().clear()
    assert any("log in again" in said for said in desktop.said())


def test_signed_addresses_are_asked_for_anew(
    make_connection: Callable[..., Any],
    start_service: Start,
    archive: Path,
    desktop: Desktop,
    projects: List[str],
    tmp_path: Path,
) -> None:
    service = start_service(archive, "--redirect", "signed")
    connection = make_connection(service, "signed")
    fill(connection)
    before = Path(named("visual").source()).read_text()  # it names the address
    file = tmp_path / "summer.qgz"
    assert QgsProject.instance().write(str(file))
    close()
    assert QgsProject.instance().read(str(file))
    settle()
    assert named("visual").isValid() and Path(named("visual").source()).read_text() != before
    service.stop()


def test_a_layer_of_an_unknown_service_is_told(
    make_connection: Callable[..., Any], service: Service, desktop: Desktop, projects: List[str], tmp_path: Path
) -> None:
    fill(make_connection(service, "sample"))
    file = tmp_path / "summer.qgz"
    assert QgsProject.instance().write(str(file))
    connections().remove("sample")
    close()
    assert QgsProject.instance().read(str(file))
    settle()
    assert any("There is no connection to the service of layer" in text for text in desktop.said())
    assert named("other").isValid()


def test_a_project_of_an_earlier_version_opens(
    make_connection: Callable[..., Any], service: Service, desktop: Desktop, projects: List[str], tmp_path: Path
) -> None:
    """Open what `fill` made, and QGIS 3.22 saved, with the plugin of commit 1b7bd53.

    The service's address in it stands as SERVICE, the path of the file with the key as HEADERS; the mosaic's VRT was in
    a folder that is not there any more.
    """
    make_connection(service, "sample")
    saved = (BEFORE / "summer.qgs").read_text(encoding="utf-8")
    assert "header_file=HEADERS" in saved and KEY not in saved
    host = service.url.split("/")[2]
    text = saved.replace("%2F%2FSERVICE", f"%2F%2F{quote(host, safe='')}").replace("//SERVICE", f"//{host}")
    file = tmp_path / "summer.qgs"
    text = text.replace("HEADERS", "%2Ftmp%2Fplanet_vector-0%2Fheaders-0123456789abcdef.txt")  # which is gone
    file.write_text(text, encoding="utf-8")
    assert QgsProject.instance().read(str(file))
    settle()
    wait_for(lambda: all(layer.isValid() for layer in QgsProject.instance().mapLayers().values()), 60)
    assert named("Summer").featureCount() == len(summer_of(service))
    assert named("Summer").renderer().type() == "graduatedSymbol"
    scene = re.search(r"\d{8}_\d{6}_\w+", named("visual").name())
    assert scene
    expected = pixels(str(service.archive / f"{scene[0]}_visual.tif"))
    assert expected.any() and (pixels(named("visual").source()) == expected).all()
    assert "header_file=" not in named("visual").source() or "0123456789abcdef" not in named("visual").source()
    mosaic = gdal.Open(named("Mosaic of").source())
    column, row = (mosaic.RasterXSize - 200) // 2, (mosaic.RasterYSize - 200) // 2
    assert mosaic.ReadAsArray(column, row, 200, 200)[3].any()
    assert projects == [] and desktop.said() == []


def test_a_project_and_the_connections_of_commit_9fd2fde_open(
    start_service: Start, archive: Path, desktop: Desktop, projects: List[str], tmp_path: Path
) -> None:
    """Open what QGIS 3.22 saved with the plugin of that commit: a search, products, a mosaic, tiles and quads.

    Files of that machine are gone, and its connections (QGIS's settings) stand at the service as it is now. The layers:

        add_search_layer(connection, summer_at(connection), "Summer")
        add_products(connection, scenes_of(connection)[:1], "visual"), and "analytic"
        add_mosaic(connection, summer_at(connection), "visual")
        add_tiles(connection, "PLANET:mosaics/summer?api_url=…")
        QgsVectorLayer("PLANET:mosaics/summer?api_url=…", "Quads of summer", "ogr")
    """
    (tmp_path / "mosaics.yml").write_text("- name: summer\n")
    service = start_service(archive, "--mosaics", str(tmp_path / "mosaics.yml"))
    host = service.url.split("/")[2]
    kept = (BEFORE / "9fd2fde.json").read_text().replace("SERVICE", host)
    QgsSettings().setValue("planet_scenes/connections", kept)
    connection = connections().get("sample")
    assert connection.url == service.url
    assert list(connections().searches("sample")) == ["July"]
    connections().log_in("sample", service.key)
    text = (BEFORE / "9fd2fde.qgs").read_text(encoding="utf-8")
    text = text.replace("%2F%2FSERVICE", f"%2F%2F{quote(host, safe='')}").replace("//SERVICE", f"//{host}")
    text = text.replace("HOME/", f"{tmp_path}/")
    file = tmp_path / "summer.qgs"
    file.write_text(
        text.replace("HEADERS", quote(f"{tmp_path}/headers-0123456789abcdef.txt", safe="")), encoding="utf-8"
    )
    assert QgsProject.instance().read(str(file))
    settle()
    layers = QgsProject.instance().mapLayers().values()
    assert len(layers) == 6
    wait_for(lambda: all(layer.isValid() for layer in layers), 60)
    assert named("Summer").featureCount() == len(summer_of(service))
    quads = ask(service, "mosaics/summer/quads/", count="1000")["features"]
    assert {feature["id"] for feature in named("Quads of").getFeatures()} == {quad["id"] for quad in quads} != set()
    for product in ("visual", "analytic"):
        (layer,) = [found for found in layers if found.name().endswith(product)]
        scene = re.search(r"\d{8}_\d{6}_\w+", layer.name())
        assert scene
        expected = pixels(str(service.archive / f"{scene[0]}_{product}.tif"))
        assert expected.any() and (pixels(layer.source()) == expected).all()
    (tiles,) = [found for found in layers if found.name() == "summer"]
    mosaic = named("Mosaic of")
    middle = mosaic.extent()
    middle.scale(
        0.2
    )  # scenes are large there: small ones are drawn when the service has made them smaller, not at once
    for raster in (tiles, mosaic):
        picture = render([raster], middle, mosaic.crs().authid())
        assert inked(picture) > 0.05, raster.name()
    assert projects == [] and desktop.said() == []
    service.stop()


def test_a_project_with_basemaps_of_an_earlier_version_opens(
    make_connection: Callable[..., Any],
    start_service: Start,
    archive: Path,
    desktop: Desktop,
    projects: List[str],
    tmp_path: Path,
) -> None:
    """Open what QGIS 3.22 saved with the plugin of commit 8205d2a, when basemaps were called ``mosaics`` in names.

    The service's address in it stands as SERVICE. It holds the quads of an area, the tiles, and the list of basemaps
    twice: as ``PLANET:mosaics?…|layername=mosaics`` and as ``planet://mosaics?…``.
    """
    definition = tmp_path / "mosaics.yml"
    definition.write_text("- {name: clear, title: Few clouds, filter: {cloud_cover.estimated.lte: 40}}\n")
    service = start_service(archive, "--mosaics", str(definition))
    connection = make_connection(service, "sample")
    saved = (Path(__file__).parent / "before" / "basemaps.qgs").read_text(encoding="utf-8")
    assert "PLANET:mosaics/clear?" in saved and "PLANET:basemaps" not in saved and KEY not in saved
    file = tmp_path / "basemaps.qgs"
    file.write_text(saved.replace("//SERVICE", "//" + service.url.split("/")[2]), encoding="utf-8")
    assert QgsProject.instance().read(str(file))
    settle()
    found = {layer.name(): layer for layer in QgsProject.instance().mapLayers().values()}
    wait_for(lambda: all(layer.isValid() for layer in found.values()), 60)
    assert set(found) == {"quads", "clear", "all", "all2"}
    assert [feature["name"] for feature in found["all"].getFeatures()] == ["clear"]
    assert [feature["title"] for feature in found["all2"].getFeatures()] == ["Few clouds"]
    assert [feature["id"] for feature in found["quads"].getFeatures()] == ["L15-1092E-1335N"]
    assert found["clear"].width() == 2**23
    # What is added now goes by the new name.
    name = f"PLANET:basemaps/clear?api_url={connection.url}"
    (added,) = outcome(lambda done: products.add_tiles(connection, name, done))
    assert added.source() == found["clear"].source()
    assert projects == [] and desktop.said() == []
