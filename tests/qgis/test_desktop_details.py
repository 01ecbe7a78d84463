"""Parts of the plugin in the real desktop, each with its picture: form, source page, menus, activation, Spanish."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict

import pytest
import requests

from tests.conftest import KEY, Service, Start
from tests.qgis.test_desktop import drive

pytestmark = pytest.mark.long

WINDOWS = ("qgis-activation", "qgis-message")
PARTS = ("qgis-fields", "qgis-menu", "qgis-source", "qgis-toolbox")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("details")


@pytest.fixture(scope="module")
def slow_to_activate(start_service: Start, archive: Path) -> Service:
    return start_service(archive, "--activation-delay", "15")


@pytest.fixture(scope="module")
def url(slow_to_activate: Service) -> str:
    return slow_to_activate.url


@pytest.fixture(scope="module")
def seen(home: Path, slow_to_activate: Service) -> Dict[str, Any]:
    slow_to_activate.to_activate = 2  # the products that the script has the plugin activate, and no other
    return drive(home, slow_to_activate.url, "desktop_details.py", (*WINDOWS, *PARTS), 600)


def test_the_source_page_lists_the_collections(seen: Dict[str, Any], url: str) -> None:
    types = requests.get(url.replace("/v0/", "/data/v1/") + "item-types", auth=(KEY, ""), timeout=30).json()
    assert sorted(seen["collections"]) == sorted(each["id"] for each in types["item_types"])


def test_the_form_has_the_fields_of_the_collection(seen: Dict[str, Any]) -> None:
    assert {"gsd", "instrument"} & set(seen["fields"]) and len(seen["fields"]) > 3


def test_the_menu_has_combinations_indices_and_products(seen: Dict[str, Any]) -> None:
    offered = seen["offered"]
    assert offered[0].startswith("True colour") and any(text.startswith("NDVI") for text in offered)
    assert {"analytic", "visual"} <= set(offered)


def test_products_are_activated_when_asked_for(seen: Dict[str, Any]) -> None:
    assert len(seen["to activate"]) == 2 and "products: 2" in seen["progress"]
    assert len(seen["activated"]) == 1 and "Products activated: 2." in seen["activated"][0]


def test_the_toolbox_has_the_algorithms(seen: Dict[str, Any]) -> None:
    from planet_scenes.processing.provider import Provider

    provider = Provider()
    provider.loadAlgorithms()
    assert sorted(seen["algorithms"]) == sorted(each.displayName() for each in provider.algorithms())


def test_a_refusal_is_told(seen: Dict[str, Any]) -> None:
    assert any("no key was sent" in said for said in seen["refused"]) and seen["warnings"] == []


@pytest.mark.parametrize("name", WINDOWS)
def test_pictures_are_of_the_whole_window(seen: Dict[str, Any], home: Path, name: str) -> None:
    from qgis.PyQt.QtGui import QImage

    picture = QImage(str(home / "out" / f"{name}.png"))
    assert (picture.width(), picture.height()) == (1280, 800)
    assert len({picture.pixel(x, y) for x in range(350, 800, 3) for y in range(200, 700, 3)}) > 20


def test_the_panel_speaks_spanish(url: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    home = tmp_path_factory.mktemp("spanish")
    assert drive(home, url, "desktop_details.py", ("qgis-spanish",), 300, "es")["shown"] == "Buscar"
