"""Open and read a product in one GDAL, as `planet_vector.raster.access` plans it; run as a program by the matrix.

Usage: one_build.py PACKAGE ROOT LINK...; the key comes on stdin. PACKAGE selects the GDAL; ``open`` is rasterio's, used
through `planet_vector.raster.product`. Prints a line of JSON for each link: the digest of a window's pixels, or the
error.
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import sys
import tempfile
import urllib.request
from importlib import import_module
from pathlib import Path
from typing import Any, Mapping

from planet_vector.catalog.scenes_v0.client import ScenesV0
from planet_vector.config import Settings
from planet_vector.errors import PlanetVectorError
from planet_vector.keys import Key
from planet_vector.raster.access import plan
from planet_vector.raster.download import fetch

MODULES = {"fiona": "fiona._env", "rasterio": "rasterio._env", "pyogrio": "pyogrio._ogr"}
WINDOW = (300, 200, 512, 512)


class Osgeo:
    """GDAL through its own Python bindings."""

    def __init__(self) -> None:
        from osgeo import gdal

        gdal.UseExceptions()
        self.gdal = gdal
        self.drivers = ["GTiff"]
        self.version = gdal.__version__

    def open(self, name: str, options: Mapping[str, str]) -> Any:
        for option, value in options.items():
            self.gdal.SetThreadLocalConfigOption(option, value)
        try:
            return self.gdal.OpenEx(name, self.gdal.OF_RASTER, allowed_drivers=self.drivers)
        finally:
            for option in options:
                self.gdal.SetThreadLocalConfigOption(option, None)

    def read(self, dataset: Any) -> bytes:
        return bytes(dataset.ReadRaster(*WINDOW, band_list=[1, 2, 3, 4]))


class Library:
    """GDAL through its C functions, in the library that a package has loaded."""

    def __init__(self, package: str) -> None:
        gdal = ctypes.CDLL(import_module(MODULES[package]).__file__)
        pointer, text, integer = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
        gdal.GDALVersionInfo.restype, gdal.GDALVersionInfo.argtypes = text, [text]
        gdal.CPLGetLastErrorMsg.restype = text
        gdal.CPLSetThreadLocalConfigOption.argtypes = [text, text]
        gdal.GDALOpenEx.restype, gdal.GDALOpenEx.argtypes = pointer, [text, ctypes.c_uint, pointer, pointer, pointer]
        gdal.GDALDatasetRasterIO.argtypes = (
            [pointer] + [integer] * 5 + [pointer] + [integer] * 4 + [pointer] + [integer] * 3
        )
        gdal.GDALAllRegister()
        gdal.CPLPushErrorHandler.argtypes = [pointer]
        gdal.CPLPushErrorHandler(ctypes.cast(gdal.CPLQuietErrorHandler, pointer))
        self.gdal = gdal
        self.drivers = ["GTiff"]
        self.version = gdal.GDALVersionInfo(b"RELEASE_NAME").decode()

    def open(self, name: str, options: Mapping[str, str]) -> Any:
        for option, value in options.items():
            self.gdal.CPLSetThreadLocalConfigOption(option.encode(), value.encode())
        drivers = (ctypes.c_char_p * 2)(*(driver.encode() for driver in self.drivers), None)
        dataset = self.gdal.GDALOpenEx(name.encode(), 0x02, drivers, None, None)
        for option in options:
            self.gdal.CPLSetThreadLocalConfigOption(option.encode(), None)
        if not dataset:
            raise RuntimeError(self.gdal.CPLGetLastErrorMsg().decode())
        return dataset

    def read(self, dataset: Any) -> bytes:
        buffer = ctypes.create_string_buffer(WINDOW[2] * WINDOW[3] * 4)
        if self.gdal.GDALDatasetRasterIO(dataset, 0, *WINDOW, buffer, *WINDOW[2:], 1, 4, None, 0, 0, 0):
            raise RuntimeError(self.gdal.CPLGetLastErrorMsg().decode())
        return buffer.raw


class Rasterio:
    """GDAL as `planet_vector.open` uses it."""

    def __init__(self) -> None:
        import rasterio

        self.version = rasterio.__gdal_version__

    def access(self, catalog: ScenesV0, link: str) -> str:
        from rasterio.windows import Window

        from planet_vector.raster.product import open_link

        with open_link(catalog, link, "s1/visual") as dataset:
            mark(link)
            return hashlib.sha256(dataset.read(window=Window(*WINDOW)).tobytes()).hexdigest()


def mark(link: str) -> None:
    """Send a marker request to the recording server: reading begins."""
    origin, _, rest = link.partition("/v0/")
    urllib.request.urlopen(f"{origin}/mark/{rest.partition('/')[0]}").read()


def access(gdal: Any, catalog: ScenesV0, link: str) -> str:
    build = tuple(int(number) for number in gdal.version.split(".")[:3])
    for attempt in range(2):
        planned = plan(catalog, link, build)
        assert catalog.settings.key is None or catalog.settings.key.reveal() not in planned.name + repr(planned)
        name = planned.name
        with tempfile.TemporaryDirectory() as directory:
            if not planned.ranges:
                name = str(Path(directory) / "whole.tif")
                fetch(catalog, link, Path(name))
            try:
                dataset = gdal.open(name, planned.options)
            except RuntimeError:
                if attempt:
                    raise
                continue  # retry once, as for an expired signature
            mark(link)
            return hashlib.sha256(gdal.read(dataset)).hexdigest()
    raise AssertionError("unreachable")


def main(package: str, root: str, *links: str) -> None:
    key = sys.stdin.read().strip()
    catalog = ScenesV0(Settings(root, Key(key) if key else None, rate=0))
    gdal: Any = Osgeo() if package == "osgeo" else Rasterio() if package == "open" else Library(package)
    for link in links:
        try:
            read = gdal.access(catalog, link) if package == "open" else access(gdal, catalog, link)
            result = {"pixels": read}
        except (PlanetVectorError, RuntimeError) as error:
            result = {"error": type(error).__name__, "message": str(error)}
        print(json.dumps({"version": gdal.version, **result}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
