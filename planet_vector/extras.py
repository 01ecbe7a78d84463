"""Extras of the package, the libraries they install, and errors for missing ones."""

from __future__ import annotations

import traceback
from contextlib import contextmanager
from typing import Iterator, Mapping, Tuple

EXTRAS: Mapping[str, Tuple[str, ...]] = {
    "maps": ("xstatic",),
    "pictures": ("PIL",),
    "geo": ("geopandas", "pandas", "pyarrow", "pyogrio", "stac_geoparquet"),
    "xarray": ("dask", "odc", "xarray"),
    "server": (
        "PIL", "fastapi", "filelock", "h11", "pyproj", "starlette", "swagger_ui_bundle", "uvicorn", "watchfiles",
        "xstatic", "yaml",
    ),
}  # fmt: skip
"""The top-level modules that each extra of setup.cfg installs."""

_SERVICE = f"{__package__}.server"


def install_hint(error: ModuleNotFoundError) -> str:
    """Return a sentence that names a missing library and the command that installs it.

    Parameters
    ----------
    error : ModuleNotFoundError
        As Python raised it. An import from within the service always maps to the extra ``server``.

    Returns
    -------
    str
        Such as ``This needs PIL, which is not installed: pip install 'planet_vector[pictures]'.``
    """
    library = (error.name or "a library").partition(".")[0]
    extras = [name for name, libraries in EXTRAS.items() if library in libraries]
    if "server" in extras and _is_of_service(error):
        extras = ["server"]
    wanted = f"'planet_vector[{extras[0]}]'" if extras else library
    return f"This needs {library}, which is not installed: pip install {wanted}."


@contextmanager
def named_extra() -> Iterator[None]:
    """Replace the message of a failed import by `install_hint`.

    Yields
    ------
    None
        Nothing: imports belong in the block.

    Raises
    ------
    ModuleNotFoundError
        If a library is missing.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(install_hint(error), name=error.name) from error


def _is_of_service(error: ModuleNotFoundError) -> bool:
    """Return whether a module of the service tried the failed import."""
    modules = (str(frame.f_globals.get("__name__", "")) for frame, _ in traceback.walk_tb(error.__traceback__))
    return any(name == _SERVICE or name.startswith(f"{_SERVICE}.") for name in modules)
