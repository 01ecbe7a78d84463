"""Make an archive of satellite scenes that never were, to try everything on."""

from __future__ import annotations

import json
import os
import re
import shutil
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

from planet_vector.atomic_files import DISK_ERRORS, MAKE_ROOM
from planet_vector.errors import ArchiveError
from planet_vector.loading import load_driver
from planet_vector.server.sample.cameras import write_products
from planet_vector.server.sample.plan import SIZES, Shot, describe, plan
from planet_vector.server.sample.terrain import Ground, Landscape

MARKER = ".planet-vector-sample.json"
"""The file that tells a sample from other folders: what it was made from, and which files belong to it."""

VERSION = 1
"""Counts the changes of what a seed gives."""

_STAGE = ".sample.part"

_DEMO = (
    "PLANET:ortho?acquired.gte=2015-06-01&acquired.lt=2015-09-01&cloud_cover.estimated.lte=10"
    "&bbox=11.99,47.87,12.01,47.89"
)


@dataclass(frozen=True)
class SampleSummary:
    """What a sample holds.

    Attributes
    ----------
    scenes : mapping of str to int
        Number of scenes by type.
    size : int
        Bytes of all files.
    query : str
        A PLANET: name whose search finds some of the scenes.
    """

    scenes: Mapping[str, int]
    size: int
    query: str


def make_sample(
    directory: Path,
    *,
    seed: int = 1,
    size: str = "full",
    overwrite: bool = False,
    progress: Optional[Callable[[int, int], None]] = None,
) -> SampleSummary:
    """Make a sample archive in the layout of planet's ``sync``: ``<id>_<product>.tif`` and ``<id>_metadata.json``.

    Parameters
    ----------
    directory : Path
        Where; made when it does not exist.
    seed : int
        Another seed is another land under other skies.
    size : str
        ``full``, or ``small``: the same scenes with pixels four times as large.
    overwrite : bool
        Whether a folder that is not empty may be written into. What an earlier sample left is replaced, other
        files stay.
    progress : callable, optional
        Called after each scene with the number of scenes made and of all.

    Returns
    -------
    SampleSummary
        At once, when the folder holds this very sample already.

    Raises
    ------
    ArchiveError
        If the folder is not empty, or cannot be written.
    ValueError
        If there is no such size or the seed is negative.
    """
    if size not in SIZES:
        raise ValueError(f"{size!r} is no size of a sample: it takes {' or '.join(SIZES)}")
    if seed < 0:
        raise ValueError(f"the seed of a sample is {seed}: it takes a whole number from 0")
    made_from = {"version": VERSION, "seed": seed, "size": size}
    try:
        marker = _read_marker(directory)
        if marker is not None and marker["made_from"] == made_from and _is_whole(directory, marker):
            return SampleSummary(**marker["summary"])
        if directory.is_dir() and not overwrite and any(p.name != _STAGE for p in directory.iterdir()):
            raise ArchiveError(
                f"The folder {directory} is not empty: choose another one, or overwrite it (--overwrite)."
            )
        stage = directory / _STAGE
        shutil.rmtree(stage, ignore_errors=True)
        stage.mkdir(parents=True)
        try:
            shots = plan(seed, size)
            _fill(stage, shots, progress)
            files = {path.name: path.stat().st_size for path in sorted(stage.iterdir())}
            counts = {kind: sum(shot.scene_type == kind for shot in shots) for kind in ("ortho", "rapideye", "landsat")}
            summary = SampleSummary(counts, sum(files.values()), _DEMO)
            for name in (marker or {}).get("files", ()):
                (directory / name).unlink(missing_ok=True)
            (directory / MARKER).unlink(missing_ok=True)
            text = json.dumps({"made_from": made_from, "summary": asdict(summary), "files": files}, indent=1)
            (stage / MARKER).write_text(text + "\n", encoding="utf-8")
            for name in (*files, MARKER):
                os.replace(stage / name, directory / name)
        finally:
            shutil.rmtree(stage, ignore_errors=True)
    except OSError as error:
        why = error.strerror or str(error).rstrip(".")
        remedy = MAKE_ROOM if error.errno in DISK_ERRORS else "see to the folder"
        raise ArchiveError(f"The sample cannot be written to {directory} ({why}): {remedy}.") from error
    return summary


def _fill(directory: Path, shots: List[Shot], progress: Optional[Callable[[int, int], None]]) -> None:
    """See and write all scenes, as many at once as there are processors."""
    done = 0
    load_driver()
    # Threads suffice: numpy and GDAL let go of the interpreter's lock for all that takes long.
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for (land, step), group in _by_ground(shots).items():
            make = partial(_make_scene, directory, _painted(land, step, group, pool))
            for _ in pool.map(make, group):
                done += 1
                if progress is not None:
                    progress(done, len(shots))


def _by_ground(shots: List[Shot]) -> Dict[Tuple[Landscape, float], List[Shot]]:
    groups: Dict[Tuple[Landscape, float], List[Shot]] = {}
    for shot in shots:
        step = shot.pixel / 2 if shot.scene_type == "landsat" else shot.pixel
        groups.setdefault((shot.land, step), []).append(shot)
    return groups


def _painted(land: Landscape, step: float, shots: List[Shot], pool: Executor) -> Ground:
    """Paint the ground that scenes see, once for all of them."""
    corners = [land.plane(*shot.degrees().T) for shot in shots]
    xs = [float(v) for x, _ in corners for v in x]
    ys = [float(v) for _, y in corners for v in y]
    rim = 4 * step + 10
    return land.paint((min(xs) - rim, min(ys) - rim, max(xs) + rim, max(ys) + rim), step, pool)


def _make_scene(directory: Path, ground: Ground, shot: Shot) -> None:
    products, cloud = write_products(shot, ground, directory)
    first = next(iter(products.values()))
    feature = describe(shot, cloud, list(products), first.stat().st_size)
    text = json.dumps(feature, indent=1) + "\n"
    (directory / f"{shot.scene_id}_metadata.json").write_text(text, encoding="utf-8")


def _read_marker(directory: Path) -> Optional[Dict[str, Any]]:
    """Return what an earlier run told of its sample; None where there was none.

    Its files are deleted by these names later, so they are names of files of this very folder and nothing else.
    """
    path = directory / MARKER
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        files = found["files"]
        SampleSummary(**found["summary"])
        if not found["made_from"] or not all(re.fullmatch(r"\w[\w-]*\.(tif|json)", name) for name in files):
            raise ValueError("names no sample writes")
        if not all(isinstance(size, int) for size in files.values()):
            raise ValueError("sizes that are none")
    except FileNotFoundError:
        return None
    except (ValueError, LookupError, TypeError, AttributeError):
        raise ArchiveError(f"{path} is damaged: remove it, or choose another folder.") from None
    return dict(found)


def _is_whole(directory: Path, marker: Mapping[str, Any]) -> bool:
    """Tell whether every file of a sample is there with its size."""
    for name, size in marker["files"].items():
        path = directory / name
        if not path.is_file() or path.stat().st_size != size:
            return False
    return True
