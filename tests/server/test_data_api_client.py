"""The client of the Data API v1 over the service: the tests of the client, with the service in place of theirs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Iterator, List, Tuple

import pytest

import planet_vector
from planet_vector.catalog import Catalog, catalog_of
from planet_vector.config import Settings
from planet_vector.connection_file import add_connection
from planet_vector.errors import NotFoundError, PlanetVectorError
from planet_vector.keys import Key, lend_key, withdraw_key
from planet_vector.names import parse_name
from planet_vector.raster import activation
from planet_vector.vector.result_cache import CACHE
from tests.conftest import count_requests
from tests.data_v1_service import Feature, with_links
from tests.server.conftest import Running, Serve
from tests.server.data_archives import order_items, write_order
from tests.test_data_v1 import (  # noqa: F401 - collected here, with the fixtures below
    EVERY_FIELD,
    KEY,
    NAME,
    check_rows_of_gdals_own_driver,
    ids,
    name,
    needs_plscenes,
    of_type,
    table,
    test_a_layer_counts_filters_and_reads_the_same,
    test_a_root_is_told_from_one_of_another_kind,
    test_a_search_reads_all_items_in_order_each_once,
    test_a_wrong_key_is_said,
    test_any_filter_selects_what_ogr_selects_from_the_whole,
    test_meanings_are_those_of_the_service,
    test_parameters_of_a_name_select_as_brute_force_does,
)

rasterio = pytest.importorskip("rasterio")
planet_vector.register()
MOSAICS = "- {name: winter, level: 8}\n"


@dataclass(repr=False)
class Served:
    """A service over an archive, with what the tests ask of theirs."""

    url: str
    items: List[Feature]
    archive: Path
    to_activate: int = 0


@pytest.fixture(scope="module")
def running(serve: Serve, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tuple[Served, Running]]:
    folder = tmp_path_factory.mktemp("archive")
    items = order_items(120, seed=7)
    write_order(folder / "order", items)
    for item in items:
        item["properties"].setdefault("cloud_cover", None)  # as the tests of the client write what is missing
    mosaics = folder.parent / "mosaics.yaml"
    mosaics.write_text(MOSAICS)
    found = serve(folder, "--mosaics", str(mosaics), "--key", KEY, "--activation-delay", "0.5")
    url = f"{found.origin}/data/v1/"
    served = Served(url, with_links(items, url), folder)
    yield served, found
    # One test activates an asset, if it runs; no read does.
    assert count_requests(found.root, KEY, "data_api.activate") == served.to_activate


@pytest.fixture
def service(running: Tuple[Served, Running], monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    found = running[0]
    add_connection(NAME, found.url)
    lend_key(found.url, Key(KEY))
    CACHE.clear()
    monkeypatch.setattr(activation, "POLL", 0.05)
    yield found
    withdraw_key(found.url)
    CACHE.clear()


@pytest.fixture
def catalog(service: Served) -> Catalog:
    return catalog_of(Settings(service.url, Key(KEY), kind="data-v1", rate=0, connection=NAME))


@needs_plscenes
def test_gdals_own_driver_reads_the_same_rows(service: Served) -> None:
    check_rows_of_gdals_own_driver(service, "PSScene", EVERY_FIELD, 20)


def test_an_asset_is_opened_once_it_was_activated(service: Served, tmp_path: Path) -> None:
    item = next(each for each in service.items if "ortho_visual" in each["assets"])
    wanted = name(item=f"PSScene/{item['id']}/ortho_visual")
    with pytest.raises(PlanetVectorError, match="inactive"):
        planet_vector.open(wanted)
    service.to_activate += 1
    assert [parse_name(each).part for each in planet_vector.activate(wanted)] == ["ortho_visual"]
    (file,) = service.archive.rglob(f"{item['id']}_3B_Visual.tif")
    with rasterio.open(file) as expected, planet_vector.open(wanted) as dataset:
        assert (dataset.read() == expected.read()).all() and dataset.bounds == expected.bounds
    (path,) = planet_vector.download(name(item=f"PSScene/{item['id']}"), tmp_path, ["ortho_visual"])
    assert path.read_bytes() == file.read_bytes()


def test_thumbnails_of_items(service: Served, catalog: Catalog) -> None:
    scene = catalog.scene("PSScene", service.items[1]["id"])
    assert scene.thumbnail().startswith(b"\x89PNG")
    with pytest.raises(NotFoundError):
        catalog.scene("PSScene", "nosuch")


def test_basemaps_with_their_quads_and_items(service: Served, catalog: Catalog) -> None:
    assert [body["name"] for body in catalog.basemaps.list()] == ["winter"]
    basemap = catalog.basemaps.named("winter")
    quads = list(catalog.basemaps.quads(basemap))
    sources = {scene.id for quad in quads for scene in catalog.basemaps.scenes(quad)}
    assert sources == {item["id"] for item in service.items}
    with planet_vector.open(name(item=f"basemaps/winter/{quads[0].id}")) as dataset:
        assert dataset.shape == (4096, 4096)
