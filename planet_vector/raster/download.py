"""Whole files: fetched atomically, resumed after a break, never taken for complete when they are not.

While a file comes in it is called ``NAME.part``, with ``NAME.part.json`` beside it, which says of which version
(its strong ETag) and how long it is to be. A download that was cut off at any byte goes on from there, by ``Range``
and ``If-Range`` (RFC 9110, section 13.1.5); of another version, or of one without a strong ETag, it begins anew.
"""

from __future__ import annotations

import json
import os
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Dict, Iterable, List, Optional, Sequence, Tuple
from urllib.parse import unquote

import requests

from planet_vector.catalog import ScenesV0
from planet_vector.catalog.transport import iter_body
from planet_vector.errors import PlanetVectorError, ProtocolError, RasterAccessError, UnavailableError
from planet_vector.raster.limits import MAX_FILE
from planet_vector.scene import Scene

Progress = Optional[Callable[[int, Optional[int]], None]]
"""Called with the bytes of a file that are there, and those it will have (None where the service does not say)."""

FileProgress = Optional[Callable[[Path, int, Optional[int]], None]]
"""The same for one file of several; may be called from several threads at once."""

BREAKS = 5
"""Times a transfer may break with not a byte gained in between."""

_PIECE = 2**14  # bytes written at once: what is under way when a transfer breaks is lost, so a little only
_SAFE = re.compile(r"[A-Za-z0-9][\w.\-]{0,149}", re.ASCII)
_SUFFIXES = (".tif", ".tiff", ".zip")


def download(
    catalog: ScenesV0,
    scenes: Iterable[Scene],
    products: Sequence[str],
    directory: Path,
    overwrite: bool = False,
    progress: FileProgress = None,
) -> List[Path]:
    """Fetch products of scenes into a directory, several at once.

    A file that is there already is left alone when it is as long as the service's. When one cannot be had the
    others are still fetched.

    Parameters
    ----------
    catalog : ScenesV0
        The service.
    scenes : iterable of Scene
        The scenes.
    products : sequence of str
        The products of each.
    directory : Path
        Where to; made if need be.
    overwrite : bool
        Replace files that are there and are not as long as the service's.
    progress : callable, optional
        Told of each file as it comes in.

    Returns
    -------
    list of Path
        The files, scene by scene.

    Raises
    ------
    PlanetVectorError
        What went wrong with the first file that could not be had.
    """
    directory.mkdir(parents=True, exist_ok=True)
    wanted = [(scene, product, scene.product_link(product)) for scene in scenes for product in products]

    def task(item: Tuple[Scene, str, str]) -> Path:
        scene, product, link = item
        path, size = _target(catalog, scene, product, link, directory)
        if path.exists():
            if size is not None and path.stat().st_size == size:
                if progress:
                    progress(path, size, size)
                return path
            if not overwrite:
                raise RasterAccessError(
                    f"{path} is there and is not the service's file: move it away, or allow it to be overwritten."
                )
        fetch(catalog, link, path, lambda done, total: progress(path, done, total) if progress else None)
        return path

    with ThreadPoolExecutor(catalog.settings.connections) as pool:
        tasks = [pool.submit(task, item) for item in wanted]
    errors = [error for error in (task.exception() for task in tasks) if error is not None]
    for error in errors:
        if not isinstance(error, PlanetVectorError):
            raise error
    if len(errors) > 1:
        raise RasterAccessError(f"{len(errors)} of {len(wanted)} files could not be fetched; the first: {errors[0]}")
    if errors:
        raise errors[0]
    return [task.result() for task in tasks]


def fetch(catalog: ScenesV0, link: str, path: Path, progress: Progress = None, limit: int = MAX_FILE) -> int:
    """Fetch one file, going on where an earlier try was cut off.

    Parameters
    ----------
    catalog : ScenesV0
        The service.
    link : str
        Where the file is.
    path : Path
        Where to; replaced at once when the file is complete, and untouched before.
    progress : callable, optional
        Told as bytes come in.
    limit : int
        Bytes it may have at the most.

    Returns
    -------
    int
        Its bytes.

    Raises
    ------
    ServiceError
        When it cannot be had; what is there is kept for the next try.
    """
    part = _Part(path)
    link = catalog.transport.check_link(link)
    breaks = 0
    while not part.complete:
        before = part.length
        error = catalog.transport.stream(
            link, part.request_headers(), lambda response: part.receive(response, progress, limit)
        )
        if part.complete or error is None:
            break
        breaks = 0 if part.length > before else breaks + 1
        if breaks > BREAKS:
            raise error
    return part.finish()


def safe_name(disposition: Optional[str], scene_id: str, product: str) -> str:
    """Return the file name a service proposes, when it is a plain one of this scene; else ``<id>_<product>.tif``.

    Parameters
    ----------
    disposition : str or None
        The header Content-Disposition (RFC 6266).
    scene_id, product : str
        What is fetched.
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
    own = f"{scene_id}_{product}.tif"
    if not _SAFE.fullmatch(own):
        raise ProtocolError(f"The service gave a scene id that cannot be a file's name: {scene_id[:80]!r}.")
    return own


@dataclass
class _Version:
    """What is known of the file that is coming in."""

    etag: str = ""
    size: Optional[int] = None


class _Part:
    """The part of a file that is there, and what it is a part of."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._part = path.with_name(path.name + ".part")
        self._note = path.with_name(path.name + ".part.json")
        self._version = self._read_note()
        if not self._version.etag and self._part.exists():
            self._part.unlink()  # of which version nobody knows
        self._done = False

    @property
    def length(self) -> int:
        return self._part.stat().st_size if self._part.exists() else 0

    @property
    def complete(self) -> bool:
        return self._done or (self._version.size is not None and self.length == self._version.size)

    def request_headers(self) -> Dict[str, str]:
        # Compressed on its way, a file has other bytes than the ranges are counted in.
        headers = {"Accept-Encoding": "identity"}
        if self.length and self._version.etag:
            headers.update({"Range": f"bytes={self.length}-", "If-Range": self._version.etag})
        return headers

    def receive(self, response: requests.Response, progress: Progress, limit: int) -> Optional[UnavailableError]:
        """Take in a response; return the error when it breaks off, with what came kept."""
        try:
            at = self._begin(response)
        except UnavailableError as error:
            return error
        if max(at, self._version.size or 0) > limit:
            raise ProtocolError(f"{self.path.name} has {self._version.size:,} bytes, more than {limit:,}: not fetched.")
        try:
            with open(self._part, "ab") as file:
                file.truncate(at)
                for block in iter_body(response, limit - at, _PIECE):
                    file.write(block)
                    at += len(block)
                    if progress:
                        progress(at, self._version.size)
        except UnavailableError as error:
            return error
        except requests.exceptions.RequestException as error:
            return UnavailableError(f"The transfer of {self.path.name} broke off ({type(error).__name__}): try again.")
        if self._version.size is not None and at != self._version.size:
            return UnavailableError(f"The transfer of {self.path.name} ended at byte {at:,} of {self._version.size:,}.")
        self._done = True
        return None

    def finish(self) -> int:
        """Give the file its name."""
        size = self.length
        os.replace(self._part, self.path)
        if self._note.exists():
            self._note.unlink()
        return size

    def _begin(self, response: requests.Response) -> int:
        """Return at which byte a response begins, and note what it is of."""
        etag = response.headers.get("ETag", "")
        if etag.startswith("W/"):  # may stand for other bytes (RFC 9110, section 8.8.1)
            etag = ""
        if response.status_code == 206:
            match = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", response.headers.get("Content-Range", ""))
            at = self.length
            if match is None or int(match[1]) != at or (etag and etag != self._version.etag):
                self._forget()
                raise UnavailableError(f"The service sent another part of {self.path.name} than asked for: try again.")
            if self._version.size not in (None, int(match[3])):
                self._forget()
                raise UnavailableError(f"{self.path.name} changed while it was fetched: try again.")
            return at
        told = response.headers.get("Content-Length", "")
        self._forget()
        self._version = _Version(etag, int(told) if told.isdigit() else None)
        if etag:
            # Written before the first byte: a part without it would be of an unknown version.
            self._note.write_text(json.dumps({"etag": etag, "size": self._version.size}), encoding="utf-8")
        return 0

    def _forget(self) -> None:
        for path in (self._part, self._note):
            if path.exists():
                path.unlink()
        self._version = _Version()

    def _read_note(self) -> _Version:
        if not self._note.exists():
            return _Version()
        try:
            note = json.loads(self._note.read_text(encoding="utf-8"))
            etag, size = note["etag"], note["size"]
        except (ValueError, KeyError, TypeError):
            return _Version()  # cut off while it was written: the part is of no known version
        return _Version(etag, size) if isinstance(etag, str) and isinstance(size, (int, type(None))) else _Version()


def _target(catalog: ScenesV0, scene: Scene, product: str, link: str, directory: Path) -> Tuple[Path, Optional[int]]:
    """Return where a product goes, and its length where the service tells."""
    _, headers = catalog.transport.follow(catalog.transport.check_link(link))
    size = re.fullmatch(r"bytes 0-0/(\d+)", headers.get("Content-Range", ""))
    told = int(size[1]) if size else None
    if size is None and headers.get("Content-Length", "").isdigit():
        told = int(headers["Content-Length"])
    return directory / safe_name(headers.get("Content-Disposition"), scene.id, product), told
