"""Processing provider."""

from __future__ import annotations

from typing import List

from qgis.core import QgsProcessingProvider
from qgis.PyQt.QtGui import QIcon

from planet_scenes.icons import icon
from planet_scenes.processing.activate import Activate
from planet_scenes.processing.crops import CropStack
from planet_scenes.processing.download import Download
from planet_scenes.processing.mosaic import Mosaic
from planet_scenes.processing.rectangle import Rectangle
from planet_scenes.processing.search import LiveLayer, Search
from planet_scenes.processing.stacks import Stacks
from planet_scenes.processing.sync import Sync
from planet_scenes.processing.timeseries import TimeSeries

ALGORITHMS = (Search, LiveLayer, Activate, Download, Sync, Stacks, Rectangle, CropStack, Mosaic, TimeSeries)


class Provider(QgsProcessingProvider):
    """Provider of the algorithms."""

    def id(self) -> str:
        """Return the id of the provider."""
        return "planet"

    def name(self) -> str:
        """Return the name shown to the user."""
        return "Planet Scenes"

    def icon(self) -> QIcon:
        """Return the icon."""
        return icon("planet")

    def loadAlgorithms(self) -> None:
        """Add the algorithms."""
        for algorithm in ALGORITHMS:
            self.addAlgorithm(algorithm())

    def supportedOutputRasterLayerExtensions(self) -> List[str]:
        """Return the extensions of raster outputs: GeoTIFF only."""
        return ["tif"]
