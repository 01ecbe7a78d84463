"""Activate products of scenes at a service that makes files available on request."""

from __future__ import annotations

from typing import Any, Dict, Optional

from qgis.core import (
    QgsProcessingFeedback,
    QgsProcessingOutputNumber,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterNumber,
)

from planet_scenes.processing.algorithm import check
from planet_scenes.processing.service_algorithm import ServiceAlgorithm, preferred_product
from planet_scenes.texts import tr
from planet_vector.catalog.protocol import ActivatesAssets
from planet_vector.raster.activation import LONGEST, activate


class Activate(ServiceAlgorithm):
    """Algorithm that activates products."""

    NAME = "activate"
    ICON = "product"

    def displayName(self) -> str:
        """Return the name shown to the user."""
        return tr("Activate products")

    def shortHelpString(self) -> str:
        """Return the help text."""
        return tr(
            "Asks a service that prepares files on request, such as Planet's Data API, for products of scenes, and "
            "waits until they can be opened and downloaded. Activation may count against your quota. If a scene "
            "lacks a product, or you may not download it, none is activated. After an interruption, the service "
            "continues; run the algorithm again to wait for the rest."
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
        self.add_products()
        self.addParameter(QgsProcessingParameterBoolean("WAIT", tr("Wait until the products are active"), True))
        real = QgsProcessingParameterNumber.Type.Double
        self.add_advanced(
            QgsProcessingParameterNumber(
                "TIMEOUT", tr("Longest time to wait (minutes)"), real, defaultValue=LONGEST / 60, minValue=0
            )
        )
        self.addOutput(QgsProcessingOutputNumber("COUNT", tr("Number of active products")))

    def perform(self, parameters: Any, context: Any, feedback: QgsProcessingFeedback) -> Dict[str, Any]:
        """Activate the products.

        Parameters
        ----------
        parameters : dict
            The parameters.
        context : QgsProcessingContext
            The context.
        feedback : QgsProcessingFeedback
            Receives progress and messages, and can cancel; the service continues then.

        Returns
        -------
        dict
            ``COUNT``, the number of active products.
        """
        scenes = self.scenes(parameters, context, feedback)
        names = self.products(parameters, context) or [preferred_product(scenes)]
        for scene in scenes:  # of a service that activates nothing, too
            for name in names:
                scene.asset(name)
        if not isinstance(self.catalog, ActivatesAssets):
            feedback.pushInfo(tr("The files of this service are always available: nothing is activated."))

        def told(active: int, of: Optional[int]) -> None:
            check(feedback)
            feedback.setProgress(100 * active / (of or 1))

        check(feedback)
        wanted = [(scene, name) for scene in scenes for name in names]
        wait = self.parameterAsBoolean(parameters, "WAIT", context)
        minutes = self.number(parameters, "TIMEOUT", context)
        timeout = LONGEST if minutes is None else 60 * minutes
        active = activate(self.catalog, wanted, wait, timeout, told)
        feedback.pushInfo(tr("{count} of {all} products are active.").format(count=len(active), all=len(wanted)))
        return {"COUNT": len(active)}
