"""Bring a folder in line with a search."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

from qgis.core import (
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingOutputMultipleLayers,
    QgsProcessingOutputNumber,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterFolderDestination,
)

from planet_scenes.downloads import Progress
from planet_scenes.processing.algorithm import check
from planet_scenes.processing.search import SearchParameters
from planet_scenes.texts import tr
from planet_vector.errors import PlanetVectorError
from planet_vector.query import Query
from planet_vector.raster.sync import FolderSync, Plan
from planet_vector.raster.synced_folder import SyncedFolder
from planet_vector.scene import Scene


class Sync(SearchParameters):
    """Algorithm that downloads what a folder lacks of a search."""

    NAME = "sync"
    ICON = "download"

    def displayName(self) -> str:
        """Return the name shown to the user."""
        return tr("Synchronise a folder with a search")

    def shortHelpString(self) -> str:
        """Return the help text."""
        return tr(
            "Downloads the products of all scenes of a search that a folder lacks, with a file of metadata for each "
            "scene. Run it again to fetch new scenes, and those that failed or were interrupted. Files of scenes "
            "that were published again are replaced; nothing is deleted."
        )

    def initAlgorithm(self, configuration: Any = None) -> None:
        """Define parameters and outputs.

        Parameters
        ----------
        configuration : dict, optional
            Not used.
        """
        self.add_search()
        self.add_products()
        self.addParameter(
            QgsProcessingParameterBoolean("DRY_RUN", tr("Only list what would be downloaded"), defaultValue=False)
        )
        self.addParameter(QgsProcessingParameterFolderDestination("FOLDER", tr("Folder")))
        self.addOutput(QgsProcessingOutputMultipleLayers("FILES", tr("Files")))
        self.addOutput(QgsProcessingOutputNumber("COUNT", tr("Number of files")))

    def perform(self, parameters: Any, context: Any, feedback: QgsProcessingFeedback) -> Dict[str, Any]:
        """Download what is missing.

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
            ``FOLDER``, ``FILES`` (the paths of the files that came, or would come) and ``COUNT``.

        Raises
        ------
        QgsProcessingException
            If a scene failed; the others are complete then.
        """
        query = self.query(parameters, context, feedback)
        products = self.products(parameters, context)
        directory = Path(self.parameterAsString(parameters, "FOLDER", context))
        folder = SyncedFolder(directory)
        syncing = FolderSync(folder)
        files: List[Path] = []
        if self.parameterAsBoolean(parameters, "DRY_RUN", context):
            plan = syncing.plan(self.catalog, self._scenes(query, feedback), products)
            files = [path for todo in plan.todo for path in todo.wanted]
            failed = _told(plan, feedback)
        else:
            with folder.alone():
                plan = syncing.plan(self.catalog, self._scenes(query, feedback), products)
                failed = _told(plan, feedback)
                progress = Progress(feedback, sum(len(todo.wanted) for todo in plan.todo))
                with closing(syncing.fetch(self.catalog, plan, progress.tell)) as outcomes:
                    for todo, outcome in outcomes:
                        if isinstance(outcome, PlanetVectorError):
                            failed.append((todo.name, outcome))
                        else:
                            files += outcome
                        check(feedback)
        for file in files:
            feedback.pushInfo(str(file))
        for name, error in failed:
            feedback.pushWarning(str(error) if name in str(error) else f"{name}: {error}")
        if failed:
            raise QgsProcessingException(
                tr(
                    "{count} scenes or products could not be fetched; the first: {error} Run the algorithm again to "
                    "fetch the rest."
                ).format(count=len(failed), error=failed[0][1])
            )
        feedback.setProgress(100)
        return {"FOLDER": str(directory), "FILES": [str(file) for file in files], "COUNT": len(files)}

    def _scenes(self, query: Query, feedback: QgsProcessingFeedback) -> Iterator[Scene]:
        for page in self.catalog.pages(query):
            check(feedback)
            yield from (Scene(feature, query.schema, self.catalog) for feature in page)


def _told(plan: Plan, feedback: QgsProcessingFeedback) -> List[Tuple[str, PlanetVectorError]]:
    """Report a plan, and return what cannot be fetched."""
    told = tr("{done} scenes are complete, {todo} are to be fetched.")
    feedback.pushInfo(told.format(done=plan.done, todo=len(plan.todo)))
    for name in plan.gone:
        feedback.pushWarning(tr("{name} is no longer at the service: it is not tried again.").format(name=name))
    return list(plan.refused)
