"""Scenes without rasters in GeoJSON files.

* ``.json`` and ``.geojson``: a Feature or a FeatureCollection;
* ``.geojsonl``: one Feature on each line.
"""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import Callable, Iterable, Iterator, List, Tuple

from planet_vector.server.archive.listing import Listing
from planet_vector.server.archive.scene_features import check_feature, load_json, parse_json, scene_type_of
from planet_vector.server.archive.units import LIST_PREFIX, Kind, Problem, SceneRecord, Unit

_NAME = re.compile(r".*\.(?:json|geojson|geojsonl)", re.IGNORECASE | re.DOTALL)


def _claim(listing: Listing, problems: List[Problem]) -> Iterator[Tuple[str, str]]:
    for path, _ in listing.matching(_NAME):
        yield LIST_PREFIX + path, path


def _read(root: Path, unit: Unit, problems: List[Problem]) -> Iterator[SceneRecord]:
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


KIND = Kind(LIST_PREFIX, _claim, _read)


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


def _checked(get: Callable[[], object], place: str, path: str, problems: List[Problem]) -> Iterator[SceneRecord]:
    try:
        feature = check_feature(get())
    except ValueError as error:
        problems.append(Problem(path, f"{place}: {error}"))
        return
    yield SceneRecord(scene_type_of(feature), feature)


def _features(document: object) -> List[object]:
    if isinstance(document, dict) and document.get("type") == "FeatureCollection":
        features = document.get("features")
        if not isinstance(features, list):
            raise ValueError("is a FeatureCollection without features")
        return features
    if isinstance(document, dict) and document.get("type") == "Feature":
        return [document]
    raise ValueError("is JSON, but neither a Feature nor a FeatureCollection")
