"""Download products of scenes to a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List

from qgis.core import (
    QgsProcessingFeedback,
    QgsProcessingOutputMultipleLayers,
    QgsProcessingOutputNumber,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterFolderDestination,
)

from planet_scenes.downloads import Progress
from planet_scenes.processing.algorithm import check
from planet_scenes.processing.service_algorithm import ServiceAlgorithm, preferred_product
from planet_scenes.texts import tr
from planet_vector.raster.download import download

_AT_ONCE = 4  # scenes per connection; cancelling takes effect between them and within each file


class Download(ServiceAlgorithm):
    """Algorithm that downloads products."""

    NAME = "download"
    ICON = "download"

    def displayName(self) -> str:
        """Return the name shown to the user."""
        return tr("Download products")

    def shortHelpString(self) -> str:
        """Return the help text."""
        return tr(
            "Downloads products of scenes as whole files. Existing files are kept, and interrupted downloads are "
            "resumed. Products can be viewed without a download: add them as layers."
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
        self.addParameter(
            QgsProcessingParameterBoolean("OVERWRITE", tr("Replace files that do not come from the service"), False)
        )
        self.addParameter(QgsProcessingParameterFolderDestination("FOLDER", tr("Folder")))
        self.addOutput(QgsProcessingOutputMultipleLayers("FILES", tr("Files")))
        self.addOutput(QgsProcessingOutputNumber("COUNT", tr("Number of files")))

    def perform(self, parameters: Any, context: Any, feedback: QgsProcessingFeedback) -> Dict[str, Any]:
        """Download the products.

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
            ``FOLDER``, ``FILES`` (the paths of the files) and ``COUNT``.
        """
        scenes = self.scenes(parameters, context, feedback)
        products = self.products(parameters, context) or [preferred_product(scenes)]
        folder = Path(self.parameterAsString(parameters, "FOLDER", context))
        overwrite = self.parameterAsBoolean(parameters, "OVERWRITE", context)
        for scene in scenes:  # report missing products before any download
            for product in products:
                scene.product_link(product)
        progress = Progress(feedback, len(scenes) * len(products))
        files: List[Path] = []
        step = _AT_ONCE * self.catalog.settings.connections
        for start in range(0, len(scenes), step):
            check(feedback)
            files += download(self.catalog, scenes[start : start + step], products, folder, overwrite, progress.tell)
        for file in files:
            feedback.pushInfo(str(file))
        feedback.setProgress(100)
        return {"FOLDER": str(folder), "FILES": [str(file) for file in files], "COUNT": len(files)}
