"""GDAL's own drivers of Planet's services, PLScenes and PLMosaic, over the service."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any, Dict, List, Tuple

import pytest
import rasterio

from tests.conftest import QGIS_PYTHON
from tests.data_v1_service import KEY, Feature, moment
from tests.server.conftest import Running, Serve
from tests.server.data_archives import order_items, write_order

pytestmark = pytest.mark.skipif(not QGIS_PYTHON.exists(), reason="there is no GDAL of the distribution here")
ITEMS = order_items(300, seed=5)  # more than a page
_SCENES = """
import json, sys
from osgeo import gdal
gdal.UseExceptions()
dataset = gdal.OpenEx("PLScenes:", gdal.OF_VECTOR, open_options=["VERSION=data_v1", "ITEMTYPES=PSScene"])
layer = dataset.GetLayerByName("PSScene")
found = []
for where in json.load(sys.stdin):
    layer.SetAttributeFilter(where or None)
    found.append([layer.GetFeatureCount(), sorted(feature["id"] for feature in layer)])
layer.SetAttributeFilter(None)
layer.SetSpatialFilterRect(-20, -20, 40, 40)
found.append([layer.GetFeatureCount(), sorted(feature["id"] for feature in layer)])
print(json.dumps(found))
"""
_RASTER = """
import json, sys
from osgeo import gdal
gdal.UseExceptions()
item, asset = json.load(sys.stdin)
name = f"PLScenes:version=Data_V1,itemtypes=PSScene,scene={item},asset={asset}"
dataset = gdal.OpenEx(name, gdal.OF_RASTER, open_options=["ACTIVATION_TIMEOUT=20"])
print(json.dumps([dataset.GetGeoTransform(), dataset.ReadAsArray().tolist()]))
"""
_MOSAIC = """
import json, sys
from osgeo import gdal
gdal.UseExceptions()
x, y = json.load(sys.stdin)
dataset = gdal.OpenEx("PLMosaic:mosaic=winter", open_options=["USE_TILES=NO", "CACHE_PATH="])
west, step, _, north, _, _ = dataset.GetGeoTransform()
column, row = int((x - west) / step), int((north - y) / step)
print(json.dumps([dataset.RasterCount, [dataset.GetRasterBand(b).ReadAsArray(column, row, 1, 1).tolist()[0][0]
                                        for b in (1, 2, 3, 4)]]))
"""


@pytest.fixture(scope="module")
def running(serve: Serve, tmp_path_factory: pytest.TempPathFactory) -> Tuple[Running, Path]:
    folder = tmp_path_factory.mktemp("archive")
    write_order(folder / "order", ITEMS)
    mosaics = folder.parent / "mosaics.yaml"
    mosaics.write_text("- {name: winter, level: 8}\n")
    log = folder.parent / "access.log"
    options = ("--mosaics", str(mosaics), "--key", KEY, "--activation-delay", "1", "--access-log", str(log))
    return serve(folder, *options), folder


def ask(running: Running, root: str, program: str, given: Any) -> Any:
    environ = {**os.environ, "PL_URL": f"{running.origin}{root}", "PL_API_KEY": KEY}
    done = subprocess.run(
        [str(QGIS_PYTHON), "-c", program],
        input=json.dumps(given), capture_output=True, text=True, env=environ, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_plscenes_lists_counts_and_filters(running: Tuple[Running, Path]) -> None:
    def said(item: Feature, name: str, default: Any) -> Any:
        return item["properties"].get(name, default)

    wheres: Dict[str, Any] = {
        "": lambda item: True,
        "cloud_cover <= 0.1": lambda item: said(item, "cloud_cover", 9) <= 0.1,
        "gsd = 3.6 AND view_angle > 2": lambda item: said(item, "gsd", 0) == 3.6 and said(item, "view_angle", 0) > 2,
        "satellite_id IN ('2414', '105e')": lambda item: said(item, "satellite_id", "") in ("2414", "105e"),
        "acquired >= '2022/01/20 00:00:00'": lambda item: (
            moment(item["properties"]["acquired"]) >= moment("2022-01-20T00:00:00Z")
        ),
        "NOT (view_angle > 2)": lambda item: not said(item, "view_angle", 0) > 2,
    }
    found: List[Any] = ask(running[0], "/data/v1/", _SCENES, list(wheres))
    for (where, meets), (count, theirs) in zip(wheres.items(), found):
        expected = sorted(item["id"] for item in ITEMS if meets(item))
        assert theirs == expected, where
        # Without a filter, GDAL asks for the number of items with a cloud cover.
        counted = [item for item in ITEMS if meets(item) and (where or "cloud_cover" in item["properties"])]
        assert count == len(counted), where
    import shapely.geometry

    box = shapely.geometry.box(-20, -20, 40, 40)
    inside = sorted(i["id"] for i in ITEMS if shapely.geometry.shape(i["geometry"]).intersects(box))
    assert found[-1] == [len(inside), inside]


def test_plscenes_opens_a_raster_which_it_activates(running: Tuple[Running, Path]) -> None:
    service, folder = running
    item = next(each for each in ITEMS if "ortho_visual" in each["assets"])
    transform, pixels = ask(service, "/data/v1/", _RASTER, [item["id"], "ortho_visual"])
    (file,) = folder.rglob(f"{item['id']}_3B_Visual.tif")
    with rasterio.open(file) as expected:
        assert tuple(transform) == expected.transform.to_gdal()
        assert pixels == expected.read().tolist()
    log = (folder.parent / "access.log").read_text()
    assert '/assets/ortho_visual/activate HTTP/1.1" 202' in log and KEY not in log


def test_plmosaic_reads_a_basemap(running: Tuple[Running, Path]) -> None:
    import shapely.geometry

    from planet_vector.server.quad_grid import to_mercator

    with_picture = next(item for item in ITEMS if "ortho_visual" in item["assets"])
    centre = to_mercator(shapely.geometry.shape(with_picture["geometry"]).centroid)
    bands, values = ask(running[0], "/basemaps/v1/mosaics", _MOSAIC, [centre.x, centre.y])
    assert bands == 4 and values[3] == 255 and any(values[:3])
