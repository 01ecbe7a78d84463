"""Values at places are the same by QGIS's GDAL and by the library's rasterio, over rasters of all kinds."""

from __future__ import annotations

import json
import math
import subprocess
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Tuple

import numpy
import pytest
from osgeo import gdal, osr
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransformContext,
    QgsFeature,
    QgsGeometry,
    QgsProcessingContext,
    QgsProcessingFeatureSource,
    QgsProcessingFeedback,
    QgsVectorLayer,
)

from planet_scenes.processing import sampling
from planet_scenes.processing.places import places_of
from planet_vector.assets import Asset, BandValues
from planet_vector.bands.expressions import parse_expression
from planet_vector.bands.finding import BandPlace
from tests.conftest import ROOT, SERVICE_PYTHON

ROWS, COLUMNS = 30, 40
WEST, NORTH = 425_000.0, 5_304_000.0  # of EPSG:32633, near 14° east

# The library's side, in the environment that has rasterio and shapely.
CODE = """
import json, math, sys
import rasterio
from planet_vector.assets import Asset, BandValues
from planet_vector.bands.expressions import parse_expression
from planet_vector.bands.finding import BandPlace
from planet_vector.raster.scene_files import SceneFile
from planet_vector.series import sampling
from planet_vector.series.places import places_of

said = json.load(sys.stdin)
sampling.open_link = lambda catalog, link, title: rasterio.open(link)
places = places_of(said["places"], "name")
found = {}
for title, case in said["cases"].items():
    values = [BandValues(*each) for each in case["stated"]]
    products = {name: SceneFile(path, name, Asset(name, "", values=values)) for name, path in said["files"].items()}
    bands = {name: BandPlace(*place) for name, place in case["bands"].items()}
    scaling = sampling.Scaling(*case["scaling"])
    expression = parse_expression(case["expression"])
    each = sampling.sample_scene(None, products, bands, expression, scaling, places, lambda: None)
    found[title] = [[s.mean, s.median, s.min, s.max, s.std, s.count, s.valid] for s in each]
print(json.dumps(found))
"""


class Case(NamedTuple):
    """An expression of bands of files, and what the service states of them."""

    expression: str
    bands: Dict[str, Tuple[str, int]]
    stated: List[Tuple[float, float, float]] = []  # noqa: RUF012 - never changed
    scaling: Tuple[Any, Any] = (None, None)


CASES = {
    "nodata": Case("(a - b) / (a + b)", {"a": ("plain", 1), "b": ("plain", 2)}),
    "one band of two": Case("a", {"a": ("plain", 2)}),
    "alpha": Case("a", {"a": ("alpha", 2)}),
    "mask": Case("a", {"a": ("mask", 1)}),
    "scale and offset": Case("a", {"a": ("scaled", 1)}),
    "scale and offset that are given": Case("a", {"a": ("scaled", 1)}, scaling=(0.5, 3.0)),
    "not a number": Case("a * 2", {"a": ("float", 1)}),
    "stated by the service": Case("a", {"a": ("bare", 1)}, [(5.0, 0.01, 1.0)]),
    "stated by both": Case("a", {"a": ("plain", 1)}, [(5.0, 0.01, 1.0)]),
    "turned": Case("a", {"a": ("turned", 1)}),
    "south up": Case("a", {"a": ("south up", 1)}),
    "degrees": Case("a", {"a": ("degrees", 1)}),
    "two grids": Case("a - b", {"a": ("plain", 1), "b": ("coarse", 1)}),
    "two systems": Case("a - b", {"a": ("plain", 1), "b": ("other zone", 1)}),
}


def corner(epsg: int) -> Tuple[float, float]:
    """Return x and y of the upper left corner of the files in another coordinate system."""
    here, there = osr.SpatialReference(), osr.SpatialReference()
    for system, code in ((here, 32633), (there, epsg)):
        system.ImportFromEPSG(code)
        system.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
    x, y, _ = osr.CoordinateTransformation(here, there).TransformPoint(WEST, NORTH)
    return x, y


def write(
    folder: Path,
    name: str,
    pixels: Any,
    place: Tuple[float, ...],
    epsg: int = 32633,
    nodata: float = math.inf,  # none
    scale: Tuple[float, float] = (1, 0),
    mask: Any = None,
) -> str:
    path = str(folder / f"{name}.tif")
    kind = {"uint8": gdal.GDT_Byte, "uint16": gdal.GDT_UInt16, "int16": gdal.GDT_Int16, "float32": gdal.GDT_Float32}
    count, rows, columns = pixels.shape
    alpha = ["ALPHA=YES", "PHOTOMETRIC=RGB"] if count == 4 else []
    gdal.SetConfigOption("GDAL_TIFF_INTERNAL_MASK", "YES")
    made = gdal.GetDriverByName("GTiff").Create(path, columns, rows, count, kind[str(pixels.dtype)], alpha)
    system = osr.SpatialReference()
    system.ImportFromEPSG(epsg)
    made.SetProjection(system.ExportToWkt())
    made.SetGeoTransform(place)
    for number, values in enumerate(pixels, 1):
        band = made.GetRasterBand(number)
        if nodata != math.inf:
            band.SetNoDataValue(nodata)
        if scale != (1, 0):
            band.SetScale(scale[0])
            band.SetOffset(scale[1])
        band.WriteArray(values)
    if mask is not None:
        made.CreateMaskBand(gdal.GMF_PER_DATASET)
        made.GetRasterBand(1).GetMaskBand().WriteArray(mask)
    made = None
    gdal.SetConfigOption("GDAL_TIFF_INTERNAL_MASK", None)
    return path


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Dict[str, str]:
    folder = tmp_path_factory.mktemp("sampled")
    rng = numpy.random.default_rng(7)
    shape = ROWS, COLUMNS

    def some(count: int, low: int, high: int, dtype: str, missing: float = 0) -> Any:
        pixels = rng.integers(low, high, (count, *shape)).astype(dtype)
        pixels[rng.random(pixels.shape) < 0.1] = missing
        return pixels

    here = (WEST, 10, 0, NORTH, 0, -10)
    alpha = some(4, 1, 255, "uint8")
    alpha[3] = numpy.where(rng.random(shape) < 0.2, 0, 255)
    floats = some(1, 1, 900, "float32", math.nan) / numpy.float32(7)
    marked = rng.random(shape) < 0.8
    longitude, latitude = corner(4326)
    easting, northing = corner(32632)
    return {
        "plain": write(folder, "plain", some(2, 1, 9000, "uint16"), here, nodata=0),
        "alpha": write(folder, "alpha", alpha, here),
        "mask": write(folder, "mask", some(1, 0, 9, "uint16"), here, mask=(255 * marked).astype("uint8")),
        "scaled": write(folder, "scaled", some(1, 0, 9000, "int16", -9999), here, nodata=-9999, scale=(0.0001, -0.1)),
        "float": write(folder, "float", floats, here, nodata=math.nan),
        "bare": write(folder, "bare", some(1, 1, 9, "uint16", 5), here),
        "turned": write(folder, "turned", some(1, 1, 9000, "uint16"), (WEST, 8, 5, NORTH, 5, -8), nodata=0),
        "south up": write(folder, "south-up", some(1, 1, 9000, "uint16"), (WEST, 10, 0, NORTH - 300, 0, 10), nodata=0),
        "degrees": write(
            folder, "degrees", some(1, 1, 900, "uint16"), (longitude, 0.0002, 0, latitude, 0, -0.0001), 4326, 0
        ),
        "coarse": write(folder, "coarse", some(1, 1, 900, "uint16"), (WEST + 5, 25, 0, NORTH - 35, 0, -25), nodata=0),
        "other zone": write(
            folder, "zone", some(1, 1, 900, "uint16"), (easting - 90, 20, 0, northing + 70, 0, -20), 32632, nodata=0
        ),
    }


def _shapes() -> Dict[str, List[str]]:
    """Return places as WKT in the coordinate system of most files, by kind."""

    def box(left: float, upper: float, right: float, lower: float) -> str:
        x = [WEST + 10 * each for each in (left, right)]
        y = [NORTH - 10 * each for each in (upper, lower)]
        return f"(({x[0]} {y[0]},{x[1]} {y[0]},{x[1]} {y[1]},{x[0]} {y[1]},{x[0]} {y[0]}))"

    x, y = WEST + 100, NORTH - 100
    hole = f"POLYGON({box(2.3, 2.2, 20.1, 15.3)[1:-1]},{box(5.2, 5.3, 9.1, 12.4)[1:-1]})"
    polygons = [
        f"POLYGON{box(3.2, 4.3, 17.7, 12.6)}", f"POLYGON{box(-6.3, 20.2, 8.4, 44.4)}", hole,
        f"POLYGON{box(7.6, 7.6, 7.9, 7.9)}", f"MULTIPOLYGON({box(1.2, 1.3, 5.6, 6.7)},{box(22.1, 11.3, 30.4, 19.2)})",
        f"POLYGON(({x} {y},{x + 131} {y + 17},{x + 68} {y - 141},{x} {y}))", f"POLYGON{box(60, 3, 70, 9)}",
    ]  # fmt: skip
    points = [f"POINT({x + 3.3 + 17 * n} {y + 21.7 - 13 * n})" for n in range(12)] + [f"POINT({WEST - 3} {y})"]
    return {"Polygon": polygons, "Point": points}


@pytest.fixture(scope="module")
def layers(qgis_app: Any) -> Dict[str, QgsVectorLayer]:
    """Return a layer for each kind of place, in longitude and latitude."""
    from qgis.core import QgsCoordinateTransform

    there = QgsCoordinateTransform(
        QgsCoordinateReferenceSystem("EPSG:32633"),
        QgsCoordinateReferenceSystem("EPSG:4326"),
        QgsCoordinateTransformContext(),
    )
    found = {}
    for kind, shapes in _shapes().items():
        layer = QgsVectorLayer(
            f"{'Multi' if kind == 'Polygon' else ''}{kind}?crs=EPSG:4326&field=name:string", "places", "memory"
        )
        for number, text in enumerate(shapes):
            row = QgsFeature(layer.fields())
            row["name"] = str(number)
            geometry = QgsGeometry.fromWkt(text)
            geometry.transform(there)
            row.setGeometry(geometry)
            layer.dataProvider().addFeatures([row])
        found[kind] = layer
    return found


def by_the_library(files: Dict[str, str], layer: QgsVectorLayer) -> Dict[str, List[List[float]]]:
    rows = [
        {
            "type": "Feature",
            "properties": {"name": row["name"]},
            "geometry": json.loads(row.geometry().asJson(15)),
        }
        for row in layer.getFeatures()
    ]
    said = {
        "files": files,
        "places": {"type": "FeatureCollection", "features": rows},
        "cases": {title: case._asdict() for title, case in CASES.items()},
    }
    done = subprocess.run(
        [SERVICE_PYTHON, "-c", CODE], input=json.dumps(said), capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    found: Dict[str, List[List[float]]] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("kind", ["Polygon", "Point"])
def test_the_same_pixels_have_the_same_values(
    files: Dict[str, str], layers: Dict[str, QgsVectorLayer], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = by_the_library(files, layers[kind])
    source = QgsProcessingFeatureSource(layers[kind], QgsProcessingContext())
    places = places_of(source, "name", QgsProcessingContext(), QgsProcessingFeedback())
    monkeypatch.setattr(sampling.imagery, "opened", lambda catalog, scene, name: gdal.Open(files[name]))
    seen, without = 0, 0
    for title, case in CASES.items():
        bands = {name: BandPlace(*place) for name, place in case.bands.items()}
        monkeypatch.setattr(sampling, "find_bands", lambda *_, bands=bands: bands)
        asset = Asset("any", "", values=tuple(BandValues(*each) for each in case.stated))
        scene: Any = type("Scene", (), {"id": "any", "assets": {}, "asset": lambda self, name, asset=asset: asset})()
        catalog: Any = None
        found = sampling.sample(
            catalog, scene, parse_expression(case.expression), "", sampling.Scaling(*case.scaling), places,
            QgsCoordinateTransformContext(), lambda: None,
        )  # fmt: skip
        for number, (here, there) in enumerate(zip(found, expected[title])):
            assert here[5:] == pytest.approx(there[5:], abs=0, nan_ok=True), f"{title}, place {number}"
            assert here[:5] == pytest.approx(there[:5], rel=1e-6, nan_ok=True), f"{title}, place {number}"
            seen += here.pixels
            without += here.valid != 1
        assert sum(here.pixels for here in found) > (100 if kind == "Polygon" else 2), title
    assert seen and without
