"""Snapshot of a search in a GeoPackage."""

from __future__ import annotations

from pathlib import Path
from typing import Callable, Optional, Union

from osgeo import gdal

from planet_scenes.gdal_calls import call_gdal
from planet_scenes.tasks import Task
from planet_scenes.texts import tr
from planet_vector.atomic_files import complete
from planet_vector.errors import ConfigError, ServiceError
from planet_vector.vector.search import open_layer as layer_of


def save_snapshot(
    name: str, title: str, path: Union[str, Path], on_done: Optional[Callable[[Path], None]] = None
) -> Task:
    """Save the scenes of a search to a GeoPackage; the file appears once it is complete.

    Parameters
    ----------
    name : str
        The ``PLANET:`` name of the search.
    title : str
        Name of the layer in the file.
    path : str or Path
        The file, with the extension ``.gpkg``; an existing one is replaced.
    on_done : callable, optional
        Called with the path, on the main thread.

    Returns
    -------
    Task
        The running task.
    """
    target = Path(path)

    def work(feedback: object) -> Path:
        # Complete or an error: all scenes are in memory before writing starts, and those in the file are counted.
        count = sum(1 for _ in layer_of(name).rows())
        with complete(target) as part:
            kept, why = call_gdal(lambda: _write(name, title, part))
            if kept is None:
                raise ConfigError(tr("{path} cannot be written: {why}.").format(path=target, why=why))
            if kept != count:
                raise ServiceError(
                    tr("The snapshot has only {kept} of {count} scenes and was discarded: try again.").format(
                        kept=kept, count=count
                    )
                )
        return target

    return Task.start(tr("Saving {title}").format(title=title), work, on_done)


def _write(name: str, title: str, path: Path) -> Optional[int]:
    """Write the scenes of a search to a new file; return their number, or None if it cannot be created."""
    written = gdal.VectorTranslate(str(path), name, format="GPKG", layerName=title)
    return int(written.GetLayer(0).GetFeatureCount()) if written is not None else None
