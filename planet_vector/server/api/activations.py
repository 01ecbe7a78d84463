"""States of assets: inactive until a client activates them, if the service was started so; for tests of clients."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path
from typing import Optional

from planet_vector.private_files import make_folder

INACTIVE, ACTIVATING, ACTIVE = "inactive", "activating", "active"


class Activations:
    """States of assets, shared by all processes of a service through a folder beside its index.

    Parameters
    ----------
    index : Path
        File of the index.
    delay : float or None
        Seconds that an activation takes; None if all assets are active.
    """

    def __init__(self, index: Path, delay: Optional[float]) -> None:
        self._folder = index.with_name(index.name + ".activated")
        self._delay = delay

    def state(self, *names: str) -> str:
        """Return the state of an asset.

        Parameters
        ----------
        *names : str
            Scene type, id, and key of the asset.
        """
        if self._delay is None:
            return ACTIVE
        try:
            since = self._path(names).stat().st_mtime
        except FileNotFoundError:
            return INACTIVE
        return ACTIVE if time.time() - since >= self._delay else ACTIVATING

    def activate(self, *names: str) -> None:
        """Begin to activate an asset, unless that has begun.

        Parameters
        ----------
        *names : str
            Scene type, id, and key of the asset.

        Raises
        ------
        OSError
            If the folder cannot be written.
        """
        if self._delay is None:
            return
        make_folder(self._folder)
        path = self._path(names)
        if not path.exists():
            path.touch()

    def _path(self, names: tuple[str, ...]) -> Path:
        return self._folder / hashlib.sha256("\0".join(names).encode()).hexdigest()
