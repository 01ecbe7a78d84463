"""Fetch whole files: atomically, with resumption after a break, and with a check that they are complete.

`planet_vector.raster.partial_file` defines the name of an incomplete file, and how a later download resumes it.
"""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Callable, Iterable, List, Mapping, Optional, Sequence, Tuple
from urllib.parse import unquote

from planet_vector.catalog import Catalog
from planet_vector.errors import PlanetVectorError, ProtocolError, RasterAccessError, UnavailableError
from planet_vector.http.responses import whole_length
from planet_vector.item_ids import file_stem
from planet_vector.progress import FileProgress, Progress
from planet_vector.raster.limits import MAX_FILE
from planet_vector.raster.parallel import Alive, in_parallel
from planet_vector.raster.partial_file import PartialFile
from planet_vector.scene import Scene

BREAKS = 5
"""Breaks in a row without a byte gained, and restarts from the first byte, before a transfer is aborted."""

QUIET = 90.0
"""Seconds without a byte, summed over tries without progress, before a transfer is aborted."""

_SAFE = re.compile(r"[A-Za-z0-9][\w.\-]{0,149}", re.ASCII)
_SUFFIXES = (".tif", ".tiff", ".zip")
_SUFFIX_OF: Mapping[str, str] = {
    "application/json": ".json",
    "application/vnd.nitf": ".ntf",
    "application/xml": ".xml",
    "application/zip": ".zip",
    "image/jp2": ".jp2",
    "text/plain": ".txt",
    "video/mp4": ".mp4",
}
"""Suffixes of files that are no GeoTIFFs, by media type."""


def download(
    catalog: Catalog,
    scenes: Iterable[Scene],
    products: Sequence[str],
    directory: Path,
    overwrite: bool = False,
    progress: FileProgress = None,
) -> List[Path]:
    """Fetch products of scenes into a directory, several at once.

    An existing file is kept if it is as long as the service's. If one file fails, the others are still fetched.

    Parameters
    ----------
    catalog : Catalog
        The service.
    scenes : iterable of Scene
        The scenes.
    products : sequence of str
        The products of each; if empty, the preferred product of the scene type.
    directory : Path
        Target folder; created if needed.
    overwrite : bool
        Replace existing files whose length differs from the service's.
    progress : callable, optional
        Called with path, bytes received and total bytes (None if unknown).

    Returns
    -------
    list of Path
        The files, scene by scene, each once.

    Raises
    ------
    PlanetVectorError
        The error of the first file that failed.
    """
    directory.mkdir(parents=True, exist_ok=True)
    every = [(scene, product) for scene in scenes for product in products or [scene.schema.product()]]
    links = {scene.product_link(product): (scene, product) for scene, product in every}  # of the same file, one
    wanted = [(scene, product, link) for link, (scene, product) in links.items()]

    def task(item: Tuple[Scene, str, str], alive: Alive) -> Path:
        return download_one(catalog, *item, directory, overwrite, heard(progress, alive))

    outcomes = [outcome for _, outcome in in_parallel(task, wanted, catalog.settings.connections)]
    errors = [outcome for outcome in outcomes if isinstance(outcome, PlanetVectorError)]
    if len(errors) > 1:
        raise RasterAccessError(f"{len(errors)} of {len(wanted)} files could not be fetched; the first: {errors[0]}")
    if errors:
        raise errors[0]
    return [outcome for outcome in outcomes if isinstance(outcome, Path)]


def download_one(
    catalog: Catalog, scene: Scene, product: str, link: str, directory: Path, overwrite: bool, progress: FileProgress
) -> Path:
    """Fetch one product, under the name that the service proposes if it is safe; return its path.

    Parameters
    ----------
    catalog : Catalog
        The service.
    scene : Scene
        The scene.
    product : str
        Name of the product.
    link : str
        The product's link.
    directory : Path
        Target folder; must exist.
    overwrite : bool
        Replace an existing file whose length differs from the service's.
    progress : callable or None
        Called with path, bytes received and total bytes (None if unknown).

    Returns
    -------
    Path
        The file.

    Raises
    ------
    RasterAccessError
        If another file exists, and `overwrite` is False.
    ServiceError
        If the service does not provide the whole file.
    """
    size, headers = _told(catalog, link)
    name = safe_name(headers.get("Content-Disposition"), scene.id, product)
    if product not in name and len(scene.products) > 1:
        # The service may propose a name without the product for another product, too.
        name = str(Path(safe_name(None, scene.id, product)).with_suffix(Path(name).suffix))
    asset = scene.assets.get(product)
    if asset is not None and asset.media_type in _SUFFIX_OF:
        name = str(Path(name).with_suffix(_SUFFIX_OF[asset.media_type]))
    path = directory / name
    _fetch_unless_there(catalog, link, path, size, overwrite, progress)
    return path


def fetch_unless_there(catalog: Catalog, link: str, path: Path, overwrite: bool, progress: FileProgress) -> bool:
    """Fetch a file unless one as long as the service's exists; return whether it was fetched.

    Parameters
    ----------
    catalog : Catalog
        The service.
    link : str
        Link of the file.
    path : Path
        File to write.
    overwrite : bool
        Replace an existing file whose length differs from the service's.
    progress : callable or None
        Called with path, bytes received and total bytes (None if unknown).

    Returns
    -------
    bool
        Whether it was fetched.

    Raises
    ------
    RasterAccessError
        If another file exists, and `overwrite` is False.
    ServiceError
        If the service does not provide the whole file.
    """
    size = _told(catalog, link)[0] if path.exists() else None
    return _fetch_unless_there(catalog, link, path, size, overwrite, progress)


def heard(progress: FileProgress, alive: Alive) -> Callable[[Path, int, Optional[int]], None]:
    """Return a progress callback that also aborts its task once the caller no longer waits for it.

    Parameters
    ----------
    progress : callable or None
        Called with path, bytes received and total bytes (None if unknown).
    alive : Alive
        Raises an exception once the task is cancelled.
    """

    def tell(path: Path, done: int, total: Optional[int]) -> None:
        alive()
        if progress:
            progress(path, done, total)

    return tell


def fetch(catalog: Catalog, link: str, path: Path, progress: Progress = None, limit: int = MAX_FILE) -> int:
    """Fetch one file, resuming an earlier try that broke off.

    Parameters
    ----------
    catalog : Catalog
        The service.
    link : str
        Link of the file.
    path : Path
        File to write; replaced atomically once the download is complete, and untouched before.
    progress : callable, optional
        Called with bytes received and total bytes (None if unknown).
    limit : int
        Most bytes that are accepted.

    Returns
    -------
    int
        Size of the file in bytes.

    Raises
    ------
    ServiceError
        If the download fails; the received part is kept for the next try. Also if the file is not of the type of its
        suffix, or differs from the digest that the service reported; nothing is kept then.
    RasterAccessError
        If another program is fetching it.
    """
    link = catalog.transport.check_link(link)
    with PartialFile(path) as part:
        breaks = losses = most = 0
        quiet = 0.0
        announced = part.announced
        while not part.complete:
            before, heard = part.length, time.monotonic()

            def tell(done: int, total: Optional[int]) -> None:
                nonlocal heard
                heard = time.monotonic()
                if progress:
                    progress(done, total)

            try:
                error = catalog.transport.stream(
                    link,
                    part.request_headers(),
                    lambda response: part.receive(response, tell, limit),  # noqa: B023
                )
            except ProtocolError as refused:
                if refused.status != 416 or not before:
                    raise
                # The part is as long as the file or longer (RFC 9110, section 15.5.17): no later try could resume it.
                short = _short(path, before, announced)
                part.discard()
                raise short from None
            if part.complete or error is None:
                break
            breaks = 0 if part.length > before else breaks + 1
            losses += part.length < before
            announced = part.announced or announced
            quiet = time.monotonic() - heard + (0.0 if part.length > most else quiet)
            most = max(most, part.length)
            if max(breaks, losses) > BREAKS or quiet > QUIET:
                raise _short(path, most, announced) if most else error
        return part.finish(catalog.transport.digest(link))


def safe_name(disposition: Optional[str], scene_id: str, product: str) -> str:
    """Return the file name that a service proposes, if it is a plain one of this scene; else ``<id>_<product>.tif``.

    Parameters
    ----------
    disposition : str or None
        Value of the header Content-Disposition (RFC 6266).
    scene_id, product : str
        Id of the scene and name of the product.

    Raises
    ------
    ProtocolError
        If the scene id cannot be a file name.
    """
    match = re.search(r"""filename\*=UTF-8''([^;\s]+)|filename="([^"]*)"|filename=([^;\s]+)""", disposition or "", re.I)
    proposed = unquote(match[1]) if match and match[1] else (match[2] or match[3] or "") if match else ""
    if (
        _SAFE.fullmatch(proposed)
        and ".." not in proposed
        and proposed.startswith(scene_id)
        and proposed.lower().endswith(_SUFFIXES)
    ):
        return proposed
    try:
        return f"{file_stem(scene_id)}_{file_stem(product)}.tif"
    except ValueError:
        raise ProtocolError(f"The service gave a scene id that cannot be a file's name: {scene_id[:80]!r}.") from None


def _short(path: Path, there: int, announced: Optional[int]) -> UnavailableError:
    of = "" if announced is None else f" of {announced:,}"
    return UnavailableError(
        f"The transfer of {path.name} gets no further than byte {there:,}{of}: the service sends less than it "
        "announced, or the network breaks off; try again later."
    )


def _fetch_unless_there(
    catalog: Catalog, link: str, path: Path, size: Optional[int], overwrite: bool, progress: FileProgress
) -> bool:
    if path.exists():
        if size is not None and path.stat().st_size == size:
            if progress:
                progress(path, size, size)
            return False
        if not overwrite:
            raise RasterAccessError(
                f"{path} exists and is not the service's file: move it away, or allow it to be overwritten."
            )
    fetch(catalog, link, path, lambda done, total: progress(path, done, total) if progress else None)
    return True


def _told(catalog: Catalog, link: str) -> Tuple[Optional[int], Mapping[str, str]]:
    """Return the length of the file behind a link, or None if unknown, and the response headers."""
    _, headers = catalog.transport.follow(catalog.transport.check_link(link))
    return whole_length(headers), headers
