"""Base class of the algorithms that use a service: its connection, products, and scenes read from a layer."""

from __future__ import annotations

import json
from contextlib import closing
from typing import Any, Dict, List, Optional, Sequence, Tuple

from qgis.core import (
    QgsCoordinateTransform,
    QgsFeature,
    QgsGeometry,
    QgsProcessing,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingParameterEnum,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterString,
)

from planet_scenes import core
from planet_scenes.connection import Connection
from planet_scenes.connections import connections
from planet_scenes.imagery import preferred
from planet_scenes.layers import scene_type_of, search_of
from planet_scenes.polygons import WGS84
from planet_scenes.processing.algorithm import Algorithm, brief, check
from planet_scenes.processing.layer_features import features_of, nested, plain
from planet_scenes.texts import tr
from planet_vector.catalog import Catalog, connect
from planet_vector.errors import PlanetVectorError
from planet_vector.names import parse_name
from planet_vector.raster.parallel import Alive, in_parallel
from planet_vector.roots import is_api_origin
from planet_vector.scene import Scene

RESAMPLING = ("nearest", "bilinear", "cubic", "average")


class ServiceAlgorithm(Algorithm):
    """Base class of the algorithms that use a service; has a parameter for the connection."""

    connection: Connection
    catalog: Catalog
    _takes_scenes = False
    _type_of_layer = ""
    _is_of_other = False

    def add_connection(self) -> None:
        """Add the parameter for the connection."""
        names = [connection.name for connection in connections().all()]
        parameter = QgsProcessingParameterString("CONNECTION", tr("Connection"), connections().current().name)
        # The dialogs show a drop-down list; scripts, models and qgis_process may pass any string.
        parameter.setMetadata({"widget_wrapper": {"value_hints": names}})
        self.addParameter(parameter)
        self.help_text(
            "CONNECTION",
            tr(
                "The name of a connection, see Options ▸ Planet Scenes; in scripts and models also the root URL of a "
                "service. The key comes from the connection or the environment, not from this parameter."
            ),
        )

    def checkParameterValues(self, parameters: Any, context: Any) -> Tuple[bool, str]:
        """Check the parameters, and whether the connection exists.

        Parameters
        ----------
        parameters : dict
            The parameters.
        context : QgsProcessingContext
            The context.

        Returns
        -------
        tuple of bool and str
            Whether the parameters are valid, and the error otherwise.
        """
        good, message = super().checkParameterValues(parameters, context)
        if good:
            try:
                connections().find(self.parameterAsString(parameters, "CONNECTION", context))
            except PlanetVectorError as error:
                return False, brief(core.errors_told(error))
        return good, message

    def prepareAlgorithm(self, parameters: Any, context: Any, feedback: Any) -> bool:
        """Open the connection.

        Parameters
        ----------
        parameters : dict
            The parameters.
        context : QgsProcessingContext
            The context.
        feedback : QgsProcessingFeedback
            Not used.

        Returns
        -------
        bool
            True.

        Raises
        ------
        QgsProcessingException
            If the connection or its key cannot be used.
        """
        # Still on the main thread, as reading the key may ask for the master password.
        core.start()
        try:
            self.connection = connections().find(self.parameterAsString(parameters, "CONNECTION", context))
            self.catalog = self.connection.catalog()
            if self._takes_scenes:
                self._look_at_input(parameters, context)
        except PlanetVectorError as error:
            raise QgsProcessingException(brief(core.errors_told(error))) from None
        return True

    def add_scenes(self) -> None:
        """Add the parameters for the scenes."""
        self._takes_scenes = True
        self.addParameter(
            QgsProcessingParameterFeatureSource("INPUT", tr("Scenes"), [QgsProcessing.SourceType.TypeVectorPolygon])
        )
        self.help_text("INPUT", tr("A search layer, a snapshot of one, or the scenes selected in it."))
        self.add_advanced(
            QgsProcessingParameterString(
                "SCENE_TYPE", tr("Scene type, if the layer does not contain it"), optional=True
            )
        )

    def add_product(self) -> None:
        """Add the parameter for one product."""
        self.addParameter(QgsProcessingParameterString("PRODUCT", tr("Product"), optional=True))
        self.help_text("PRODUCT", tr("Such as visual or analytic; by default the one that shows the scenes best."))

    def product(self, parameters: Any, context: Any, scenes: Sequence[Scene]) -> str:
        """Return the product, by default that of `preferred_product`.

        Parameters
        ----------
        parameters : dict
            The parameters.
        context : QgsProcessingContext
            The context.
        scenes : sequence of Scene
            The scenes, at least one.

        Raises
        ------
        QgsProcessingException, NotFoundError
            As `preferred_product`.
        """
        return self.parameterAsString(parameters, "PRODUCT", context).strip() or preferred_product(scenes)

    def add_products(self) -> None:
        """Add the parameter for several products."""
        self.addParameter(QgsProcessingParameterString("PRODUCTS", tr("Products"), optional=True))
        self.help_text(
            "PRODUCTS",
            tr(
                "One or several with commas between, such as visual, analytic; by default the one that shows the "
                "scenes best."
            ),
        )

    def products(self, parameters: Any, context: Any) -> List[str]:
        """Return the distinct products, in the order given; empty if none is.

        Parameters
        ----------
        parameters : dict
            The parameters.
        context : QgsProcessingContext
            The context.
        """
        parts = self.parameterAsString(parameters, "PRODUCTS", context).split(",")
        return list(dict.fromkeys(part.strip() for part in parts if part.strip()))

    def add_resampling(self) -> None:
        """Add the parameter for the resampling method."""
        self.add_advanced(
            QgsProcessingParameterEnum(
                "RESAMPLING",
                tr("Resampling"),
                options=RESAMPLING,
                defaultValue=RESAMPLING[0],
                usesStaticStrings=True,
            )
        )

    def scenes(self, parameters: Any, context: Any, feedback: QgsProcessingFeedback) -> List[Scene]:
        """Return the distinct scenes of the input, in its order.

        Parameters
        ----------
        parameters : dict
            The parameters.
        context : QgsProcessingContext
            The context.
        feedback : QgsProcessingFeedback
            Receives the number of scenes, and can cancel.

        Raises
        ------
        QgsProcessingException
            If the input is not a layer of scenes, or is empty.
        """
        source = self.parameterAsSource(parameters, "INPUT", context)
        if source is None:
            raise QgsProcessingException(self.invalidSourceError(parameters, "INPUT"))
        scene_type = self.parameterAsString(parameters, "SCENE_TYPE", context)
        found: Dict[Tuple[str, str], Optional[Scene]] = {}
        transform = QgsCoordinateTransform(source.sourceCrs(), WGS84, context.transformContext())
        for feature in features_of(source, feedback):
            footprint = QgsGeometry(feature.geometry())
            footprint.transform(transform)
            name, scene = self._scene(feature, json.loads(footprint.asJson(12) or "null"), scene_type)
            found.setdefault(name, scene)
        if not found:
            raise QgsProcessingException(tr("The layer has no scenes: widen the search, or select some."))
        feedback.pushInfo(tr("{count} scenes").format(count=len(found)))
        self._request([name for name, scene in found.items() if scene is None], found, feedback)
        return [scene for scene in found.values() if scene is not None]

    def _scene(self, feature: QgsFeature, footprint: Any, scene_type: str) -> Tuple[Tuple[str, str], Optional[Scene]]:
        """Return type and id of the scene of a row, and the scene itself; None if the row lacks its products."""
        row = {field.name(): plain(feature[field.name()]) for field in feature.fields()}
        scene_id, properties = row.get("id"), nested(row)
        if "id" in row and not scene_id:
            raise QgsProcessingException(tr("A row of the layer has no id of a scene: remove it."))
        if not isinstance(scene_id, str):
            raise QgsProcessingException(
                tr("The layer has no column 'id' with the ids of scenes: use a layer made by a search.")
            )
        root = self.catalog.settings.api_url
        feature = {"type": "Feature", "id": scene_id, "properties": properties, "geometry": footprint}
        own = self.catalog.collection_of(feature) or self._type_of_layer
        wanted = scene_type or own
        if not wanted:
            raise QgsProcessingException(
                tr("The layer does not contain the type of scene {scene}: give the scene type.").format(scene=scene_id)
            )
        schema = self.catalog.schema(wanted)
        has_links = bool(schema.link_columns)
        link = schema.links_of(feature).get("self", "") if has_links and not scene_type else ""
        if not scene_type and (self._is_of_other or link and not is_api_origin(link, root)):
            raise QgsProcessingException(
                tr(
                    "Scene {scene} does not belong to connection {name}: choose the connection it was found with."
                ).format(scene=scene_id, name=self.connection.name)
            )
        scene = Scene(feature, schema)
        links = [asset.href for asset in scene.assets.values()] if has_links else []
        whole = links and all(is_api_origin(link, root) for link in links)
        return (wanted, scene_id), scene if whole else None

    def _request(
        self,
        wanted: Sequence[Tuple[str, str]],
        found: Dict[Tuple[str, str], Optional[Scene]],
        feedback: QgsProcessingFeedback,
    ) -> None:
        """Request scenes from the service, several at once: not every service puts products into columns."""

        def request(name: Tuple[str, str], alive: Alive) -> Scene:
            alive()
            return self.catalog.scene(*name)

        with closing(in_parallel(request, wanted, self.catalog.settings.connections)) as outcomes:
            for name, outcome in outcomes:
                check(feedback)
                if isinstance(outcome, PlanetVectorError):
                    raise outcome
                found[name] = outcome

    def _look_at_input(self, parameters: Any, context: Any) -> None:
        """Note scene type and service of the scenes, if they are a search layer."""
        layer = self.parameterAsVectorLayer(parameters, "INPUT", context)
        name = search_of(layer) if layer is not None else ""
        if name:
            self._type_of_layer = scene_type_of(layer)
            self._is_of_other = connect(parse_name(name).service).settings.api_url != self.catalog.settings.api_url


def preferred_product(scenes: Sequence[Scene]) -> str:
    """Return the product that represents all scenes best, as `planet_scenes.imagery.preferred`.

    Parameters
    ----------
    scenes : sequence of Scene
        The scenes, at least one.

    Raises
    ------
    NotFoundError
        If a scene has no product.
    QgsProcessingException
        If the scenes have different ones.
    """
    first, *others = dict.fromkeys(preferred(scene).name for scene in scenes)
    if others:
        raise QgsProcessingException(
            tr("The scenes have different preferred products, {names}: name a product.").format(
                names=", ".join([first, *others])
            )
        )
    return first
