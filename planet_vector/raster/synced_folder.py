"""Folder that is synchronised with searches: its files, its record of incomplete scenes, and its lock.

The folder itself is the record: ``<id>_<product>.tif`` for each product of a scene, and, once they are complete,
``<id>_metadata.json``, the scene as the service sent it. Files appear atomically, so an existing file is complete.
Scenes that were found but are incomplete are listed in ``.planet_vector-sync.json`` (`STATE`). The list is written
before the first fetch, so a crash loses nothing.

A folder of planet's own client can be continued, as it has the same files. Its ``sync.json`` only holds the latest
time of publication, and that client never looked further back; the scenes it missed are fetched.

Only one sync runs at a time: it holds the lock of ``.planet_vector-sync.lock`` (`planet_vector.file_lock`).

Both names begin with a dot, so that a service over the folder ignores them.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Dict, Iterator, Mapping, Optional

from planet_vector.atomic_files import write_whole
from planet_vector.disk_errors import disk_remedy
from planet_vector.errors import ConfigError, ProtocolError, RasterAccessError
from planet_vector.file_lock import AlreadyLocked, locked
from planet_vector.names import parse_name
from planet_vector.raster.download import safe_name
from planet_vector.scene import Scene
from planet_vector.times import parse_time

STATE = ".planet_vector-sync.json"
LOCK = ".planet_vector-sync.lock"
OLD_STATE = "sync.json"
"""State of planet's own client: ``{"latest": "<latest time of publication>"}``."""

Pending = Dict[str, Dict[str, Any]]
"""Incomplete scenes by name: their ``products``, and ``why`` they are incomplete."""

_VERSION = 1


class SyncedFolder:
    """Folder that is synchronised with searches.

    Parameters
    ----------
    directory : Path
        The folder; created by `alone`.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the lock of the folder, so that no other sync runs.

        Yields
        ------
        None
            While the lock is held.

        Raises
        ------
        RasterAccessError
            If another sync is running, or the folder cannot be locked.
        """
        self.directory.mkdir(parents=True, exist_ok=True)
        lock = self.directory / LOCK
        try:
            with locked(lock, seconds=0):
                yield
        except AlreadyLocked:
            raise RasterAccessError(f"Another sync of {self.directory} is under way: wait until it is done.") from None
        except sqlite3.Error as error:
            remedy = disk_remedy(error) or ("remove it" if "not a database" in str(error) else "make it writable")
            raise RasterAccessError(f"{lock} cannot be locked ({error}): {remedy}.") from None

    def path(self, scene: Scene, product: str) -> Path:
        """Return the path of a product's file.

        Parameters
        ----------
        scene : Scene
            The scene.
        product : str
            The product.

        Raises
        ------
        ProtocolError
            If the id or the product cannot be a file name.
        """
        return self.directory / safe_name(None, scene.id, product)

    def metadata(self, scene_id: str) -> Optional[Mapping[str, Any]]:
        """Return the stored metadata of a scene, or None if they are missing or incomplete.

        Parameters
        ----------
        scene_id : str
            Id of the scene.
        """
        try:
            kept = json.loads(self._metadata_path(scene_id).read_bytes())
        except (FileNotFoundError, ValueError, RecursionError):
            return None
        whole = isinstance(kept, dict) and kept.get("id") == scene_id and isinstance(kept.get("properties"), dict)
        return kept if whole else None

    def write_metadata(self, scene: Scene) -> Path:
        """Write the metadata of a scene, which mark it as complete.

        Parameters
        ----------
        scene : Scene
            The scene.

        Returns
        -------
        Path
            The file.

        Raises
        ------
        ProtocolError
            If JSON cannot represent one of its numbers.
        """
        try:
            text = json.dumps(scene.feature, ensure_ascii=False, allow_nan=False, indent=2)
        except ValueError:
            raise ProtocolError(f"Scene {scene.id} contains a number that JSON cannot represent.") from None
        path = self._metadata_path(scene.id)
        write_whole(path, text.encode("utf-8", "surrogatepass") + b"\n")
        return path

    def latest_of_other_client(self) -> Optional[datetime]:
        """Return the latest time of publication that planet's own client noted, or None without a file of it."""
        try:
            return parse_time(json.loads((self.directory / OLD_STATE).read_bytes())["latest"])
        except (FileNotFoundError, ValueError, RecursionError, KeyError, TypeError, AttributeError):
            return None  # missing, or not a file of that client

    def read_state(self) -> Pending:
        """Return the incomplete scenes of earlier syncs.

        Raises
        ------
        ConfigError
            If the record cannot be read.
        """
        path = self.directory / STATE
        try:
            state = json.loads(path.read_bytes())
            if state["version"] != _VERSION:
                raise ConfigError(f"{path} was written by a later version: use that one, or remove the file.")
            pending = state["pending"]
            for name, entry in pending.items():
                if not parse_name(name).item or not all(isinstance(product, str) for product in entry["products"]):
                    raise ValueError
        except FileNotFoundError:
            return {}
        except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
            raise ConfigError(
                f"{path} cannot be read: remove it; scenes that an earlier sync left over are fetched if the search "
                "finds them."
            ) from None
        return {str(parse_name(name)): entry for name, entry in pending.items()}  # ids were not escaped before 0.2.0

    def write_state(self, pending: Pending) -> None:
        """Record the incomplete scenes.

        Parameters
        ----------
        pending : dict
            The scenes.
        """
        text = json.dumps({"version": _VERSION, "pending": pending}, indent=1, ensure_ascii=False)
        write_whole(self.directory / STATE, text.encode("utf-8", "surrogatepass") + b"\n")

    def _metadata_path(self, scene_id: str) -> Path:
        return (self.directory / safe_name(None, scene_id, "metadata")).with_suffix(".json")


def published(feature: Mapping[str, Any]) -> Optional[datetime]:
    """Return when a scene was published, or None if the service does not specify it.

    Parameters
    ----------
    feature : mapping
        The scene as GeoJSON.
    """
    try:
        return parse_time(feature["properties"]["published"])
    except (KeyError, ValueError, TypeError, AttributeError):
        return None
