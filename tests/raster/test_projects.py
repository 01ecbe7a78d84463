"""QGIS projects: what was opened by a PLANET: name opens again another day, and no key is in the file."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any, Callable

import pytest

from ..conftest import Service, Start
from ..faces import Face

rasterio = pytest.importorskip("rasterio")

SAVE = """
import json, sys
from osgeo import gdal
from qgis.core import QgsApplication, QgsProject, QgsRasterLayer, QgsVectorLayer
application = QgsApplication([], False)
application.initQgis()
path, scene, basemap = sys.argv[1:]
subdatasets = [
    gdal.OpenEx(name, gdal.OF_RASTER).GetSubDatasets()
    for name in (scene, basemap)
]
layers = [QgsVectorLayer(name, name, "ogr") for name in ("PLANET:ortho", "PLANET:basemaps", basemap)]
layers += [QgsRasterLayer(name, text, "gdal") for name, text in subdatasets[0] + subdatasets[1]]
assert all(layer.isValid() for layer in layers), [layer.name() for layer in layers if not layer.isValid()]
QgsProject.instance().addMapLayers(layers)
assert QgsProject.instance().write(path)
QgsProject.instance().clear()
application.exitQgis()
"""

OPEN = """
import json, sys
from qgis.core import QgsApplication, QgsProject, QgsRasterLayer
application = QgsApplication([], False)
application.initQgis()
project = QgsProject.instance()
assert project.read(sys.argv[1])
found = {}
for layer in project.mapLayers().values():
    assert layer.isValid(), layer.source()
    if isinstance(layer, QgsRasterLayer):
        provider, x = layer.dataProvider(), layer.extent()
        point = x.center()
        if layer.name().startswith("tiles"):
            point.set(1335773.0, 6090000.0)  # within the sample area: 12 E, 47.9 N
        found[layer.name()] = [layer.width(), layer.height(), provider.sample(point, 4)[0]]
    else:
        found[layer.name()] = layer.featureCount()
print(json.dumps(found))
project.clear()
application.exitQgis()
"""


@pytest.fixture(scope="module")
def served(start_service: Start, archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Service:
    path = tmp_path_factory.mktemp("mosaics") / "mosaics.yml"
    path.write_text("- {name: clear, filter: {cloud_cover.estimated.lte: 40}}\n")
    return start_service(archive, "--mosaics", str(path))


@pytest.mark.parametrize("suffix", [pytest.param("qgs", marks=pytest.mark.long), "qgz"])
def test_a_saved_project_opens_again_and_holds_no_key(
    served: Service, face: Face, archive: Path, system_python: Callable[..., Any], tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"project.{suffix}"
    scene = sorted(archive.glob("*_visual.tif"))[0].name[: -len("_visual.tif")]
    names = f"PLANET:ortho/{scene}/visual", "PLANET:basemaps/clear?bbox=11.99,47.88,12.01,47.9"
    done = system_python(SAVE, str(path), *names, env=served.environ)
    assert done.returncode == 0, done.stderr
    done = system_python(OPEN, str(path), env=served.environ)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["PLANET:basemaps"] == 1 and found[names[1]] == 1 and found["PLANET:ortho"] > 20
    with rasterio.open(archive / f"{scene}_visual.tif") as expected:
        assert found[f"visual of ortho scene {scene}"][:2] == [expected.width, expected.height]
    assert found[face.spell("quad L15-1092E-1335N of basemap clear")][:2] == [4096, 4096]
    assert found["1 quad of basemap clear as one raster"][:2] == [4096, 4096]
    assert found["tiles of basemap clear, the globe down to zoom 15"] == [2**23, 2**23, 255]
    assert len(found) == 7
    for file in tmp_path.iterdir():
        contents = [file.read_bytes()]
        if zipfile.is_zipfile(file):
            with zipfile.ZipFile(file) as archived:
                contents = [archived.read(member) for member in archived.namelist()]
        assert not any(served.key.encode() in content for content in contents)
