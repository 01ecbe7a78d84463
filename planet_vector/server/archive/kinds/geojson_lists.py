"""Scenes without rasters in GeoJSON files.

* ``.json`` and ``.geojson``: a Feature or a FeatureCollection;
* ``.geojsonl``: one Feature on each line.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, Callable, Iterable, Iterator, List, Optional

from planet_vector.server.archive.scene_features import check_feature, load_json, parse_json, scene_type_of
from planet_vector.server.archive.units import LIST_PREFIX, Problem, SceneRecord, Unit

PREFIX = LIST_PREFIX


def key_of(path: str) -> Optional[str]:
    """Return the key of a file of scenes; None if its name is not one of GeoJSON.

    Parameters
    ----------
    path : str
        Path relative to the archive.
    """
    return PREFIX + path if path.lower().endswith((".json", ".geojson", ".geojsonl")) else None


def read(root: Path, unit: Unit, problems: List[Problem]) -> Iterator[SceneRecord]:
    """Yield the scenes of a file.

    Parameters
    ----------
    root : Path
        The archive.
    unit : Unit
        The unit.
    problems : list of Problem
        Receives the files and scenes that cannot be served.

    Yields
    ------
    SceneRecord
        A scene.

    Raises
    ------
    OSError
        If a file cannot be read.
    """
    path = unit.files[0].path
    try:
        if path.lower().endswith(".geojsonl"):
            with (root / path).open("rb") as lines:
                yield from read_lines(lines, 0, path, problems)
        else:
            for number, feature in enumerate(_features(load_json(root / path)), 1):
                yield from _checked(lambda: feature, f"feature {number}", path, problems)  # noqa: B023 - called at once
    except ValueError as error:
        problems.append(Problem(path, str(error)))


def read_lines(lines: Iterable[bytes], first: int, path: str, problems: List[Problem]) -> Iterator[SceneRecord]:
    """Yield the scenes of GeoJSON lines.

    Parameters
    ----------
    lines : iterable of bytes
        Lines with one Feature each, or blank.
    first : int
        Number of lines before them in the file.
    path : str
        Path of the file relative to the archive, for problems.
    problems : list of Problem
        Receives the lines that cannot be served.

    Yields
    ------
    SceneRecord
        A scene without products.
    """
    # RFC 8142 prefixes each record with a separator.
    for number, line in enumerate(lines, first + 1):
        stripped = line.strip(b"\x1e \t\r\n")
        if stripped:
            yield from _checked(partial(parse_json, stripped), f"line {number}", path, problems)


def _checked(get: Callable[[], Any], place: str, path: str, problems: List[Problem]) -> Iterator[SceneRecord]:
    try:
        feature = check_feature(get())
    except ValueError as error:
        problems.append(Problem(path, f"{place}: {error}"))
        return
    yield SceneRecord(scene_type_of(feature), feature, {})


def _features(document: Any) -> List[Any]:
    if isinstance(document, dict) and document.get("type") == "FeatureCollection":
        features = document.get("features")
        if not isinstance(features, list):
            raise ValueError("is a FeatureCollection without features")
        return features
    if isinstance(document, dict) and document.get("type") == "Feature":
        return [document]
    raise ValueError("is JSON, but neither a Feature nor a FeatureCollection")
