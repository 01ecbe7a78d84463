"""Make an archive of synthetic satellite scenes, for trying out all functions."""

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

from planet_vector.disk_errors import disk_remedy
from planet_vector.errors import ArchiveError
from planet_vector.loading import load_driver
from planet_vector.server.sample.cameras import write_products
from planet_vector.server.sample.plan import SIZES, Shot, describe, plan
from planet_vector.server.sample.terrain import Ground, Landscape

MARKER = ".planet-vector-sample.json"
"""File that identifies a sample: its parameters, and the files that belong to it."""

VERSION = 1
"""Version of the generator, incremented when the result of a seed changes."""

_STAGE = ".sample.part"

_DEMO = (
    "PLANET:ortho?acquired.gte=2015-06-01&acquired.lt=2015-09-01&cloud_cover.estimated.lte=10"
    "&bbox=11.99,47.87,12.01,47.89"
)


@dataclass(frozen=True)
class SampleSummary:
    """Summary of a sample.

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
        The folder; created if it does not exist.
    seed : int
        Seed of the landscape and the weather.
    size : str
        ``full``, or ``small``: the same scenes with pixels four times as large.
    overwrite : bool
        Whether to write to a folder that is not empty. Files of an earlier sample are replaced, other files stay.
    progress : callable, optional
        Called after each scene with the number of scenes made, and the total.

    Returns
    -------
    SampleSummary
        Returned immediately if the folder already contains the same sample.

    Raises
    ------
    ArchiveError
        If the folder is not empty, or cannot be written.
    ValueError
        If the size is unknown or the seed is negative.
    """
    if size not in SIZES:
        raise ValueError(f"{size!r} is not a size of a sample: choose {' or '.join(SIZES)}")
    if seed < 0:
        raise ValueError(f"the seed of a sample is {seed}: choose a whole number from 0")
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
        remedy = disk_remedy(error) or "check the folder"
        raise ArchiveError(f"The sample cannot be written to {directory} ({why}): {remedy}.") from error
    return summary


def _fill(directory: Path, shots: List[Shot], progress: Optional[Callable[[int, int], None]]) -> None:
    """Render and write all scenes, in a thread for each processor."""
    done = 0
    load_driver()
    # Threads are sufficient: numpy and GDAL release the GIL in all long operations.
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
    """Paint the ground of scenes, once for all of them."""
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
    """Return the contents of the marker file of an earlier sample, or None if there is none.

    The files it names may be deleted later, so only plain names of files in the folder are accepted.
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
    """Return whether every file of a sample exists with its size."""
    for name, size in marker["files"].items():
        path = directory / name
        if not path.is_file() or path.stat().st_size != size:
            return False
    return True
