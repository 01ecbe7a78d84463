"""Crop stack: the same area of several scenes, on one grid."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

from qgis.core import (
    QgsGeometry,
    QgsProcessing,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingOutputMultipleLayers,
    QgsProcessingOutputNumber,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterFolderDestination,
    QgsProcessingParameterNumber,
    QgsWkbTypes,
)

from planet_scenes.processing import imagery
from planet_scenes.processing.algorithm import check
from planet_scenes.processing.layer_features import features_of, plain, polygons_of
from planet_scenes.processing.overlay import shares_of
from planet_scenes.processing.service_algorithm import ServiceAlgorithm
from planet_scenes.texts import tr
from planet_vector.atomic_files import kept_if_complete, temporary_beside
from planet_vector.geometry.grid import GridSpec
from planet_vector.geometry.shapes import Polygon
from planet_vector.geometry.utm import is_utm
from planet_vector.raster.download import safe_name
from planet_vector.scene import Scene
from planet_vector.stacks.utm_grid import common_grid, grid_around, projected
from planet_vector.times import format_time


class CropStack(ServiceAlgorithm):
    """Algorithm that cuts the same rectangle out of several scenes."""

    NAME = "cropstack"
    ICON = "crop"

    def displayName(self) -> str:
        """Return the name shown to the user."""
        return tr("Crop stack")

    def shortHelpString(self) -> str:
        """Return the help text."""
        return tr(
            "Cuts an area out of each scene that covers it: one GeoTIFF per scene, all on one north-up grid of "
            "matching pixels. The grid contains the whole pixels that the rectangle around the area touches. Without "
            "an area, with a polygon of 'Find stacks' (whose scenes are then used), or on request, the area is the "
            "largest rectangle that all scenes cover. Each scene is read remotely, and only within the area. The tags "
            "of each file contain the scene, its acquisition time, the share of valid pixels, and the share of the "
            "area with data."
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
        self.addParameter(
            QgsProcessingParameterFeatureSource(
                "AREA", tr("Area"), [QgsProcessing.SourceType.TypeVectorPolygon], optional=True
            )
        )
        self.help_text("AREA", tr("One polygon to cut out, or a stack; by default all common ground."))
        self.addParameter(QgsProcessingParameterBoolean("RECTANGLE", tr("Largest rectangle inside the area"), False))
        self.add_product()
        real = QgsProcessingParameterNumber.Type.Double
        self.addParameter(
            QgsProcessingParameterNumber("RESOLUTION", tr("Pixel size (m)"), real, optional=True, minValue=0.01)
        )
        self.help_text("RESOLUTION", tr("By default that of the oldest scene; the grid is aligned with its pixels."))
        self.add_resampling()
        self.addParameter(QgsProcessingParameterFolderDestination("FOLDER", tr("Folder")))
        self.addOutput(QgsProcessingOutputMultipleLayers("FILES", tr("Crops")))
        self.addOutput(QgsProcessingOutputNumber("COUNT", tr("Number of crops")))

    def perform(self, parameters: Any, context: Any, feedback: QgsProcessingFeedback) -> Dict[str, Any]:
        """Write the crops.

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
            ``FOLDER``, ``FILES`` (the paths of the crops) and ``COUNT``.

        Raises
        ------
        QgsProcessingException
            If no scene has data in the area.
        """
        resampling = self.parameterAsEnumString(parameters, "RESAMPLING", context)
        folder = Path(self.parameterAsString(parameters, "FOLDER", context))
        scenes = self.scenes(parameters, context, feedback)
        product = self.product(parameters, context, scenes)
        ground, chosen = self._area(parameters, context, feedback)
        if chosen:
            known = {scene.id: scene for scene in scenes}
            missing = [scene_id for scene_id in chosen if scene_id not in known]
            if missing:
                raise QgsProcessingException(
                    tr("Scene {scene} of the stack is not in the layer of scenes.").format(scene=missing[0])
                )
            scenes = [known[scene_id] for scene_id in chosen]
        scenes.sort(key=lambda scene: (scene.acquired, scene.id))
        inside = chosen or self.parameterAsBoolean(parameters, "RECTANGLE", context)
        asked = None if inside else ground
        if asked is not None:
            scenes = _covering(asked, scenes, feedback)
        grid = self._grid(parameters, context, scenes, product, ground, asked is not None)
        told = tr("{width} × {height} pixels of {pixel:g} m, EPSG:{epsg}")
        feedback.pushInfo(told.format(width=grid.width, height=grid.height, pixel=grid.res[0], epsg=grid.crs))
        canvas = imagery.Canvas(f"EPSG:{grid.crs}", grid.bounds, grid.width, grid.height)
        folder.mkdir(parents=True, exist_ok=True)
        files = []
        for number, scene in enumerate(scenes):
            check(feedback)
            target = folder / f"{Path(safe_name(None, scene.id, product)).stem}_crop.tif"
            if self._crop(scene, product, target, canvas, resampling, feedback, _on(grid, asked)):
                files.append(str(target))
                feedback.pushInfo(str(target))
            else:
                feedback.pushWarning(
                    tr("Scene {scene} has no data in the area: it is left out.").format(scene=scene.id)
                )
            feedback.setProgress(100 * (number + 1) / len(scenes))
        if not files:
            raise QgsProcessingException(tr("No scene has data in the area."))
        return {"FOLDER": str(folder), "FILES": files, "COUNT": len(files)}

    def _area(self, parameters: Any, context: Any, feedback: Any) -> Tuple[Optional[QgsGeometry], List[str]]:
        """Return the area, if one was given, and the ids of the scenes that it names as a stack."""
        source = self.parameterAsSource(parameters, "AREA", context)
        if source is None:
            return None, []
        features = features_of(source, feedback)
        if len(features) != 1:
            raise QgsProcessingException(
                tr("The area has {count} polygons: select the one to crop.").format(count=len(features))
            )
        ground = polygons_of(source, context, feedback)
        named = plain(features[0]["scenes"]) if "scenes" in source.fields().names() else None
        return ground, [part for part in str(named).split(",") if part] if named else []

    def _grid(
        self,
        parameters: Any,
        context: Any,
        scenes: List[Scene],
        product: str,
        ground: Optional[QgsGeometry],
        around: bool,
    ) -> GridSpec:
        for scene in [] if around else scenes:
            footprint = QgsGeometry.fromWkt(_wkt(scene))
            ground = footprint if ground is None else ground.intersection(footprint)
        if ground is None or not ground.area() > 0:
            raise QgsProcessingException(tr("The scenes have no ground in common."))
        polygons = _rings(ground)
        first = imagery.header(imagery.opened(self.catalog, scenes[0], product), f"{scenes[0].id}/{product}")
        code = first.crs.GetAuthorityCode(None)
        epsg = int(code) if code and is_utm(int(code)) else None
        pixel = self.number(parameters, "RESOLUTION", context) or first.pixel[0]
        origin = (first.bounds[0], first.bounds[3]) if epsg else (0.0, 0.0)
        return (grid_around if around else common_grid)(polygons, pixel, origin, epsg)

    def _crop(
        self,
        scene: Scene,
        product: str,
        target: Path,
        canvas: imagery.Canvas,
        resampling: str,
        feedback: Any,
        asked: Optional[List[Polygon]],
    ) -> bool:
        """Write a crop; return False, without a file, if the scene has no data in the area."""
        part = temporary_beside(target)
        with kept_if_complete(part):
            made: Any = None
            try:
                source = imagery.opened(self.catalog, scene, product)
                made = imagery.lay(source, str(part), canvas, resampling, feedback.isCanceled)
                covered = imagery.covered_share(made, asked) if asked is not None else None
                if covered != 0:
                    for name, value in (
                        ("id", scene.id),
                        ("scene_type", scene.scene_type),
                        ("product", product),
                        ("acquired", format_time(scene.acquired)),
                        ("valid", f"{imagery.valid_share(made):.4f}"),
                    ):
                        made.SetMetadataItem(name, value)
                    if covered is not None:
                        made.SetMetadataItem("covered", f"{covered:.4f}")
                    imagery.finish(made)
            finally:
                made = None  # close it before it is renamed or removed
            if covered == 0:
                part.unlink()
                return False
            part.replace(target)
            return True


def _covering(asked: QgsGeometry, scenes: List[Scene], feedback: Any) -> List[Scene]:
    """Return the scenes whose footprints cover the whole area, and report the others."""
    shares = shares_of(asked, [QgsGeometry.fromWkt(_wkt(scene)) for scene in scenes])
    for scene, share in zip(scenes, shares):
        if share < 1:
            told = tr("Scene {scene} covers {percent:.1f} % of the area: it is left out.")
            feedback.pushWarning(told.format(scene=scene.id, percent=min(100 * share, 99.9)))
    found = [scene for scene, share in zip(scenes, shares) if share == 1]
    if not found:
        told = tr("No scene covers the whole area, only up to {percent:.1f} % of it: choose a smaller area.")
        raise QgsProcessingException(told.format(percent=min(100 * max(shares), 99.9)))
    return found


def _on(grid: GridSpec, asked: Optional[QgsGeometry]) -> Optional[List[Polygon]]:
    """Return the polygons of an area in the coordinate system of a grid."""
    if asked is None:
        return None
    return [[projected(ring, grid.crs, grid.res[0]) for ring in rings] for rings in _rings(asked)]


def _rings(ground: QgsGeometry) -> List[Polygon]:
    return [
        [[(point.x(), point.y()) for point in ring] for ring in part.asPolygon()]
        for part in ground.asGeometryCollection()
        if part.type() == QgsWkbTypes.GeometryType.PolygonGeometry and part.asPolygon()
    ]


def _wkt(scene: Scene) -> str:
    polygons = scene.polygons
    if not polygons:
        raise QgsProcessingException(tr("Scene {scene} has no footprint: leave it out.").format(scene=scene.id))
    rings = [
        "(" + ",".join("(" + ",".join(f"{x!r} {y!r}" for x, y in ring) + ")" for ring in polygon) + ")"
        for polygon in polygons
    ]
    return f"MULTIPOLYGON({','.join(rings)})"
