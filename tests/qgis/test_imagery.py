"""Band combinations and indices of the sensors that services document, and the activation of products."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable, Iterator, List

import numpy
import pytest
from osgeo import gdal
from qgis.core import QgsProject, QgsRasterLayer
from qgis.PyQt.QtCore import Qt

from planet_scenes import combined_rasters, products, raster_layers, reopening
from planet_scenes.activation import Activation, ActivationDialog, has_activation
from planet_scenes.connection import Connection
from planet_scenes.connections import connections
from planet_scenes.imagery import Imagery, offers_of, preferred
from planet_vector.assets import Asset, SpectralBand
from planet_vector.bands import landsat, planet, rapideye, sentinel2
from planet_vector.query import Query
from planet_vector.raster import activation
from tests.conftest import Start
from tests.qgis.conftest import Desktop, outcome, settle, wait_for


class Sensor:
    """Stands for a scene whose assets have some bands."""

    def __init__(self, *assets: Asset, first: Any = ()) -> None:
        self.assets = {asset.name: asset for asset in assets}
        self.products = tuple(self.assets)
        self.schema = type("Schema", (), {"first_products": first})
        self.id = "any"

    def asset(self, name: str) -> Asset:
        return self.assets[name]


def _offers(scene: Any) -> Any:
    return {each.index or each.title: (each.products, each.bands) for each in offers_of(scene) if each.title}


EIGHT = Sensor(Asset("ortho_analytic_8b", "", bands=planet.EIGHT), Asset("ortho_udm2", "", bands=planet.UDM2))
S2 = Sensor(*(Asset(i.key, "", bands=i.bands) for i in sentinel2.IMAGES.values()))
L8 = Sensor(*(Asset(b.common, "", bands=(b,)) for b in landsat.OLI_TIRS.values()))
RE = Sensor(Asset("analytic", "", bands=rapideye.ANALYTIC))
NONE = Sensor(Asset("analytic", "", bands=()), Asset("pan", "", bands=(SpectralBand("pan", common="pan"),)))


@pytest.mark.parametrize(
    ("scene", "true", "false", "ndvi"),
    [
        # Numbers from the tables of the products: PSB.SD's eight bands end with red, red edge, near infrared.
        (EIGHT, (("ortho_analytic_8b",), (6, 4, 2)), (("ortho_analytic_8b",), (8, 6, 4)), (8, 6)),
        (RE, (("analytic",), (3, 2, 1)), (("analytic",), (5, 3, 2)), (5, 3)),
        (S2, (("visual",), (1, 2, 3)), (("nir", "red", "green"), (1, 2, 3)), (1, 2)),
        (L8, (("red", "green", "blue"), (1, 2, 3)), (("nir08", "red", "green"), (1, 2, 3)), (1, 2)),
    ],
)
def test_combinations_are_those_of_the_sensor(scene: Any, true: Any, false: Any, ndvi: Any) -> None:
    offers = _offers(scene)
    assert offers["True colour"] == true
    assert offers["False colour, vegetation in red"] == false
    assert offers["ndvi"][1] == ndvi


def test_a_sensor_without_documented_bands_offers_its_products_only() -> None:
    assert [each.name for each in offers_of(NONE)] == ["analytic", "pan", "tiles"]  # type: ignore[arg-type]
    assert preferred(NONE).name == "analytic"  # type: ignore[arg-type]


def _scene(connection: Any, scene_type: str) -> Any:
    catalog = connection.catalog()
    (feature, *_) = next(catalog.pages(Query.parse(catalog.schema(scene_type), [("limit", "1")])))
    return catalog.scene(scene_type, feature["id"])


def test_an_index_is_computed_of_the_pixels_and_restored(connection: Any, desktop: Desktop, archive: Path) -> None:
    scene = _scene(connection, "rapideye")
    ndvi = next(each for each in offers_of(scene) if each.index == "ndvi")
    (layer,) = outcome(lambda done: products.add_products(connection, [scene], ndvi, done))
    assert layer.name().endswith(f" NDVI – {scene.id}") and layer.bandCount() == 1
    (file,) = archive.glob(f"{scene.id}_analytic.tif")
    bands = gdal.Open(str(file)).ReadAsArray().astype("float64")
    red, nir = bands[2], bands[4]
    with numpy.errstate(invalid="ignore"):
        expected = (nir - red) / (nir + red)
    here = gdal.Open(layer.source()).ReadAsArray()
    assert numpy.allclose(here, expected, atol=1e-6, equal_nan=True)
    assert 0.1 < numpy.isfinite(here).mean() < 1
    again = reopening.reopened(connection.catalog(), raster_layers.is_ours(layer), reopening.Failures())
    assert numpy.array_equal(gdal.Open(again).ReadAsArray(), here, equal_nan=True)


def test_pixels_without_data_in_one_band_have_no_index(tmp_path: Path) -> None:
    path = str(tmp_path / "two.tif")
    made = gdal.GetDriverByName("GTiff").Create(path, 4, 1, 2, gdal.GDT_Int16)
    made.SetGeoTransform((500000, 1, 0, 5000000, 0, -1))
    for number, row in ((1, [300, -1, 300, 7]), (2, [100, 100, -1, -7])):
        made.GetRasterBand(number).WriteArray(numpy.array([row], dtype="int16"))
    made.GetRasterBand(1).SetNoDataValue(-1)
    made = None
    index = gdal.Open(combined_rasters.normalised_difference(path, 1, 2, "two")).ReadAsArray()
    assert index[0, 0] == pytest.approx(0.5)
    assert numpy.isnan(index[0, 1:]).all()


def test_a_combination_draws_its_bands(connection: Any, desktop: Desktop) -> None:
    scene = _scene(connection, "rapideye")
    false = next(each for each in offers_of(scene) if each.bands == (5, 3, 2))
    (layer,) = outcome(lambda done: products.add_products(connection, [scene], false, done))
    renderer = layer.renderer()
    assert (renderer.redBand(), renderer.greenBand(), renderer.blueBand()) == (5, 3, 2)
    assert layer.customProperty(products.BANDS) == ["near infrared", "red", "green"]
    assert Imagery.of("a,b") == Imagery(("a", "b"))


# ---- activation --------------------------------------------------------------------------------------------


@pytest.fixture
def on_request(start_service: Start, archive: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Connection]:
    """Return a connection to a service whose products have to be activated, which takes a second."""
    monkeypatch.setattr(activation, "POLL", 0.2)
    service = start_service(archive, "--activation-delay", "1", key="")
    connections().add(Connection("some", service.url.replace("/v0/", "/data/v1/"), kind="data-v1"))
    yield connections().get("some")
    settle()
    service.to_activate = 1  # in each test
    service.stop()


def test_activation_is_asked_for_shown_and_then_the_product_opens(on_request: Connection, desktop: Desktop) -> None:
    scene = _scene(on_request, "ortho")
    catalog: Any = on_request.catalog()
    before = catalog.asset_states(scene)
    assert has_activation(on_request) and {state.status for state in before.values()} == {"inactive"}
    dialog = ActivationDialog([scene], [before])
    assert dialog.wanted() == []
    dialog.list.item(0).setCheckState(Qt.CheckState.Checked)
    (wanted,) = dialog.wanted()
    dialog.deleteLater()
    # Adding a product activates nothing.
    products.add_products(on_request, [scene], wanted[1])
    wait_for(desktop.said)
    assert {state.status for state in catalog.asset_states(scene).values()} == {"inactive"}
    desktop.bar.clearWidgets()
    running = Activation(desktop.window)
    assert outcome(lambda done: running.start(on_request, [wanted], done)) == 1
    assert running.progress is None and "Products activated: 1." in desktop.said()[0]
    found = [name for name, state in catalog.asset_states(scene).items() if state.status == "active"]
    assert found == [wanted[1]]
    outcome(lambda done: products.add_products(on_request, [scene], wanted[1], done))
    assert [type(each) for each in QgsProject.instance().mapLayers().values()] == [QgsRasterLayer]


def test_waiting_for_activation_can_be_stopped(on_request: Connection, desktop: Desktop) -> None:
    scene = _scene(on_request, "ortho")
    running = Activation(desktop.window)
    called: List[int] = []
    running.start(on_request, [(scene, scene.products[0])], called.append)
    wait_for(lambda: running.progress is not None and running.progress.isVisible())
    assert running.progress is not None
    running.progress.canceled.emit()  # as its button does
    settle()
    assert running.progress is None and called == [] and desktop.said() == []


def test_a_service_whose_files_are_there_offers_no_activation(
    connection: Connection, make_connection: Callable[..., Any]
) -> None:
    assert not has_activation(connection)
