"""The folders of the user's configuration and cache files."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Optional

from planet_vector.errors import ConfigError

_USER_DIRECTORIES = {
    # By platform and purpose: the variable that specifies it, and its default below the home directory.
    "win32": {"config": ("APPDATA", "AppData/Roaming"), "cache": ("LOCALAPPDATA", "AppData/Local")},
    "darwin": {"config": ("", "Library/Application Support"), "cache": ("", "Library/Caches")},
    "": {"config": ("XDG_CONFIG_HOME", ".config"), "cache": ("XDG_CACHE_HOME", ".cache")},
}


def user_directory(purpose: str) -> Path:
    """Return this package's folder for the user's ``config`` or ``cache`` files, following the platform's convention.

    Implemented here because the Python that a GDAL program embeds may lack a library for it. All of this package, the
    service included, keeps its files there.

    Parameters
    ----------
    purpose : str
        ``config`` or ``cache``.

    Raises
    ------
    ConfigError
        If the user has no home directory, and no variable specifies another folder.
    """
    variable, default = _USER_DIRECTORIES.get(sys.platform, _USER_DIRECTORIES[""])[purpose]
    named, home = os.environ.get(variable), home_directory()
    if named:
        return Path(named) / "planet_vector"
    if home is not None:
        return home / default / "planet_vector"
    names = [name for name in (variable, "USERPROFILE" if sys.platform == "win32" else "HOME") if name]
    raise ConfigError(
        f"There is no home directory for the {purpose} files of planet_vector: "
        f"set {' or '.join(names)} to a folder of your own."
    )


def home_directory() -> Optional[Path]:
    """Return the user's home directory, or None if it is unknown: a container may run programs as an unknown user."""
    try:
        return Path.home()
    except (RuntimeError, KeyError):  # KeyError from Python 3.9 on
        return None
