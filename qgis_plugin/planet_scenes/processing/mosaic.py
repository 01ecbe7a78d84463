"""Mosaic: one raster from many scenes."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List, Tuple

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingParameterCrs,
    QgsProcessingParameterEnum,
    QgsProcessingParameterExtent,
    QgsProcessingParameterNumber,
    QgsProcessingParameterRasterDestination,
    QgsRectangle,
)

from planet_scenes.polygons import WGS84
from planet_scenes.processing import imagery
from planet_scenes.processing.algorithm import check, given
from planet_scenes.processing.service_algorithm import ServiceAlgorithm
from planet_scenes.texts import tr
from planet_vector.atomic_files import complete
from planet_vector.errors import RasterAccessError
from planet_vector.geometry.boxes import around_polygons
from planet_vector.mosaic_options import TOPS
from planet_vector.scene import Scene

_FARTHEST = 1e9  # metres or degrees from the origin; places on the earth are nearer in any coordinate system


class Mosaic(ServiceAlgorithm):
    """Algorithm that merges scenes."""

    NAME = "mosaic"
    ICON = "mosaic"

    def displayName(self) -> str:
        """Return the name shown to the user."""
        return tr("Mosaic")

    def shortHelpString(self) -> str:
        """Return the help text."""
        return tr(
            "Merges a product of many scenes into one GeoTIFF. Each scene is read remotely, and only within the extent."
        )

    def initAlgorithm(self, configuration: Any = None) -> None:
        """Define parameters and outputs.

        Parameters
        ----------
        configuration : dict, optional
            Not used.
        """
        self.add_connection()
        self.add_scenes()
        self.add_product()
        self.addParameter(QgsProcessingParameterExtent("EXTENT", tr("Extent"), optional=True))
        self.help_text("EXTENT", tr("By default around all scenes."))
        real = QgsProcessingParameterNumber.Type.Double
        self.addParameter(
            QgsProcessingParameterNumber("RESOLUTION", tr("Pixel size"), real, optional=True, minValue=1e-9)
        )
        self.help_text("RESOLUTION", tr("In units of the coordinate system; by default that of the scene on top."))
        self.addParameter(QgsProcessingParameterCrs("CRS", tr("Coordinate system"), optional=True))
        self.help_text("CRS", tr("By default that of the scene on top."))
        # In the order of TOPS.
        tops = [tr("The newest"), tr("The oldest"), tr("The clearest")]
        self.addParameter(QgsProcessingParameterEnum("TOP", tr("Scene on top"), options=tops, defaultValue=0))
        self.add_resampling()
        self.addParameter(QgsProcessingParameterRasterDestination("OUTPUT", tr("Mosaic")))

    def perform(self, parameters: Any, context: Any, feedback: QgsProcessingFeedback) -> Dict[str, Any]:
        """Write the mosaic.

        Parameters
        ----------
        parameters : dict
            The parameters.
        context : QgsProcessingContext
            The context.
        feedback : QgsProcessingFeedback
            Receives progress and messages, and can cancel.

        Returns
        -------
        dict
            ``OUTPUT``, the path of the GeoTIFF.

        Raises
        ------
        QgsProcessingException
            If no scene is in the extent.
        RasterAccessError
            If a scene has other bands than the one on top.
        """
        rank = list(TOPS.values())[self.choice(parameters, "TOP", context, len(TOPS))]
        scenes = sorted(self.scenes(parameters, context, feedback), key=lambda scene: (rank(scene), scene.id))
        product = self.product(parameters, context, scenes)
        target = self.parameterAsOutputLayer(parameters, "OUTPUT", context)
        resampling = self.parameterAsEnumString(parameters, "RESAMPLING", context)
        canvas, bands = self._canvas(parameters, context, scenes, product)
        feedback.pushInfo(tr("{width} × {height} pixels").format(width=canvas.width, height=canvas.height))
        inside = [
            scene for scene in scenes if _box(scene, canvas.crs, context).intersects(QgsRectangle(*canvas.bounds))
        ]
        if not inside:
            raise QgsProcessingException(tr("No scene is in the extent."))
        with complete(Path(target)) as part:
            made: Any = str(part)
            try:
                for number, scene in enumerate(inside):
                    check(feedback)
                    source = imagery.opened(self.catalog, scene, product)
                    if imagery.header(source, f"{scene.id}/{product}").bands != bands:
                        raise RasterAccessError(
                            tr("Scene {scene} has other bands than {top}: leave it out of the mosaic.").format(
                                scene=scene.id, top=scenes[-1].id
                            )
                        )
                    made = imagery.lay(source, made, canvas, resampling, feedback.isCanceled)
                    feedback.setProgress(100 * (number + 1) / len(inside))
                imagery.finish(made)
            finally:
                made = None  # close it before it is renamed or removed
        return {"OUTPUT": target}

    def _canvas(
        self, parameters: Any, context: Any, scenes: List[Scene], product: str
    ) -> Tuple[imagery.Canvas, Tuple[Tuple[int, int], ...]]:
        """Return the canvas of the mosaic and the bands of the scene on top."""
        crs = self.parameterAsCrs(parameters, "CRS", context)
        dataset = imagery.opened(self.catalog, scenes[-1], product)
        top = imagery.header(dataset, f"{scenes[-1].id}/{product}")
        pixel = top.pixel if not crs.isValid() else imagery.pixel_in(dataset, crs.toWkt())
        if not crs.isValid():
            crs = QgsCoordinateReferenceSystem()
            crs.createFromWkt(top.crs.ExportToWkt())
        side = self.number(parameters, "RESOLUTION", context)
        pixel = pixel if side is None else (side, side)
        extent = self.parameterAsExtent(parameters, "EXTENT", context, crs)
        if not given(parameters, "EXTENT") or extent.isNull():
            extent = QgsRectangle()
            for scene in scenes:
                extent.combineExtentWith(_box(scene, crs.toWkt(), context))
        if extent.isEmpty():
            raise QgsProcessingException(tr("The extent has no area."))
        bounds = (extent.xMinimum(), extent.yMinimum(), extent.xMaximum(), extent.yMaximum())
        if max(map(abs, bounds)) > _FARTHEST:
            raise QgsProcessingException(tr("The area lies outside the globe."))
        return imagery.canvas(bounds, pixel, crs.toWkt()), top.bands


def _box(scene: Scene, crs: str, context: Any) -> QgsRectangle:
    """Return the bounding box of a footprint in a coordinate system."""
    there = QgsCoordinateReferenceSystem()
    there.createFromWkt(crs)
    transform = QgsCoordinateTransform(WGS84, there, context.transformContext())
    found = QgsRectangle()
    for polygon in scene.polygons:  # separately, as the parts on each side of the antimeridian have other longitudes
        box = around_polygons([polygon])
        if box is not None:
            found.combineExtentWith(transform.transformBoundingBox(QgsRectangle(*box)))
    if found.isNull():
        raise RasterAccessError(tr("Scene {scene} has no footprint: leave it out.").format(scene=scene.id))
    return found
