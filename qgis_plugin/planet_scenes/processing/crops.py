"""Crop a stack: the same ground of several scenes, on one grid."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

from qgis.core import (
    QgsCoordinateTransform,
    QgsGeometry,
    QgsProcessing,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingOutputMultipleLayers,
    QgsProcessingOutputNumber,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterFolderDestination,
    QgsProcessingParameterNumber,
    QgsProcessingParameterString,
)

from planet_scenes.processing import imagery
from planet_scenes.processing.algorithm import WGS84, ServiceAlgorithm, check, features_of, given, plain
from planet_scenes.texts import tr
from planet_vector.query import format_time
from planet_vector.raster.download import safe_name
from planet_vector.scene import Scene
from planet_vector.stacks.grid import Grid, common_grid
from planet_vector.utm import is_utm


class CropStack(ServiceAlgorithm):
    """Cut the same rectangle out of several scenes."""

    NAME = "cropstack"
    ICON = "crop"

    def displayName(self) -> str:
        return tr("Crop stack")

    def shortHelpString(self) -> str:
        return tr(
            "Cuts the largest rectangle that all scenes cover out of each of them: one GeoTIFF a scene, all on one "
            "grid, pixel upon pixel, north up. Each scene is read where it lies, and only there. Give a polygon of "
            "'Find stacks' as the area, and the scenes are those of that stack. The tags of a file say which scene it "
            "is, when it was acquired, and which share of its pixels is valid."
        )

    def initAlgorithm(self, configuration: Any = None) -> None:
        self.add_connection()
        self.add_scenes()
        self.addParameter(
            QgsProcessingParameterFeatureSource(
                "AREA", tr("Area"), [QgsProcessing.SourceType.TypeVectorPolygon], optional=True
            )
        )
        self.help_text("AREA", tr("One polygon that the crops lie in, such as a stack; by default all common ground."))
        self.addParameter(QgsProcessingParameterString("PRODUCT", tr("Product"), defaultValue="visual"))
        real = QgsProcessingParameterNumber.Type.Double
        self.addParameter(
            QgsProcessingParameterNumber("RESOLUTION", tr("Size of a pixel (m)"), real, optional=True, minValue=0.01)
        )
        self.help_text("RESOLUTION", tr("By default that of the oldest scene, with whose pixels the grid is aligned."))
        self.add_resampling()
        self.addParameter(QgsProcessingParameterFolderDestination("FOLDER", tr("Folder")))
        self.addOutput(QgsProcessingOutputMultipleLayers("FILES", tr("Crops")))
        self.addOutput(QgsProcessingOutputNumber("COUNT", tr("Number of crops")))

    def perform(self, parameters: Any, context: Any, feedback: QgsProcessingFeedback) -> Dict[str, Any]:
        product = self.parameterAsString(parameters, "PRODUCT", context).strip()
        resampling = self.parameterAsEnumString(parameters, "RESAMPLING", context)
        folder = Path(self.parameterAsString(parameters, "FOLDER", context))
        scenes = self.scenes(parameters, context, feedback)
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
        grid = self._grid(parameters, context, scenes, product, ground)
        feedback.pushInfo(tr("{width} × {height} pixels of {pixel:g} m, EPSG:{epsg}").format(**grid._asdict()))
        canvas = imagery.Canvas(f"EPSG:{grid.epsg}", grid.bounds, grid.width, grid.height)
        folder.mkdir(parents=True, exist_ok=True)
        files = []
        for number, scene in enumerate(scenes):
            check(feedback)
            target = folder / f"{Path(safe_name(None, scene.id, product)).stem}_crop.tif"
            self._crop(scene, product, target, canvas, resampling, feedback)
            files.append(str(target))
            feedback.pushInfo(str(target))
            feedback.setProgress(100 * (number + 1) / len(scenes))
        return {"FOLDER": str(folder), "FILES": files, "COUNT": len(files)}

    def _area(self, parameters: Any, context: Any, feedback: Any) -> Tuple[Optional[QgsGeometry], List[str]]:
        """Return the area asked for, if any, and the scenes that it names as a stack."""
        source = self.parameterAsSource(parameters, "AREA", context)
        if source is None:
            return None, []
        features = features_of(source, feedback)
        if len(features) != 1:
            raise QgsProcessingException(
                tr("The area has {count} polygons: select the one to crop.").format(count=len(features))
            )
        ground = QgsGeometry(features[0].geometry())
        ground.transform(QgsCoordinateTransform(source.sourceCrs(), WGS84, context.transformContext()))
        named = plain(features[0]["scenes"]) if "scenes" in source.fields().names() else None
        return ground, [part for part in str(named).split(",") if part] if named else []

    def _grid(
        self, parameters: Any, context: Any, scenes: List[Scene], product: str, ground: Optional[QgsGeometry]
    ) -> Grid:
        for scene in scenes:
            footprint = QgsGeometry.fromWkt(_wkt(scene))
            ground = footprint if ground is None else ground.intersection(footprint)
        if ground is None or not ground.area() > 0:
            raise QgsProcessingException(tr("The scenes have no ground in common."))
        polygons = [
            [[(point.x(), point.y()) for point in ring] for ring in part.asPolygon()]
            for part in ground.asGeometryCollection()
            if part.type() == ground.type() and part.asPolygon()
        ]
        first = imagery.header(imagery.opened(self.catalog, scenes[0], product), f"{scenes[0].id}/{product}")
        code = first.crs.GetAuthorityCode(None)
        epsg = int(code) if code and is_utm(int(code)) else None
        pixel = first.pixel[0]
        if given(parameters, "RESOLUTION"):
            pixel = self.parameterAsDouble(parameters, "RESOLUTION", context)
        origin = (first.bounds[0], first.bounds[3]) if epsg else (0.0, 0.0)
        return common_grid(polygons, pixel, origin, epsg)

    def _crop(
        self, scene: Scene, product: str, target: Path, canvas: imagery.Canvas, resampling: str, feedback: Any
    ) -> None:
        part = f"{target}.part"
        try:
            source = imagery.opened(self.catalog, scene, product)
            made = imagery.lay(source, part, canvas, resampling, feedback.isCanceled)
            for name, value in (
                ("id", scene.id),
                ("scene_type", scene.scene_type),
                ("product", product),
                ("acquired", format_time(scene.acquired)),
                ("valid", f"{imagery.valid_share(made):.4f}"),
            ):
                made.SetMetadataItem(name, value)
            imagery.finish(made)
            made = None
            os.replace(part, target)
        finally:
            made = None
            if os.path.exists(part):
                os.remove(part)


def _wkt(scene: Scene) -> str:
    polygons = scene.polygons
    if not polygons:
        raise QgsProcessingException(tr("Scene {scene} has no footprint: leave it out.").format(scene=scene.id))
    rings = [
        "(" + ",".join("(" + ",".join(f"{x!r} {y!r}" for x, y in ring) + ")" for ring in polygon) + ")"
        for polygon in polygons
    ]
    return f"MULTIPOLYGON({','.join(rings)})"
