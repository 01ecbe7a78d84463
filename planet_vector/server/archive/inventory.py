"""Inventory of an archive: classify its files, and group them into scenes.

These files are supported, in any mixture and in sub-folders:

* ``<id>_<product>.tif`` with ``<id>_metadata.json``, as planet's own ``sync`` wrote them;
* bare GeoTIFFs, whose metadata is derived from the file (see `planet_vector.server.archive.scene_metadata`);
* sidecars of rasters (``.tfw``, ``.wld``, ``.tif.aux.xml``, ``.tif.msk``), which place and mask them (see
  `planet_vector.pixels.sidecars`);
* GeoJSON of scenes without rasters: ``.json`` and ``.geojson`` (a Feature or a FeatureCollection), and
  ``.geojsonl`` (one Feature on each line).

Files that cannot be served are reported as problems, and are never fatal.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, Iterator, List, Mapping, NoReturn, Optional, Tuple

from planet_vector.errors import ArchiveError
from planet_vector.item_ids import id_of_stem, is_item_id
from planet_vector.pixels.completing import complete
from planet_vector.pixels.sidecars import SidecarProblem, read_place, sidecar_names
from planet_vector.server.archive.scene_metadata import RasterProblem, check_raster, derive
from planet_vector.times import parse_time

SCENE_TYPES = ("landsat", "ortho", "rapideye")
"""Scene types of the API; an archive may contain others, named in the links of their metadata."""

MAX_JSON = 256 * 2**20
"""Maximum bytes of a JSON file: a larger one is a mistake, or should be a .geojsonl."""

_RASTER = re.compile(r"(?i)\.tiff?$")
_BESIDE_RASTER = re.compile(r"(?i)\.(?:tfw|tiffw|tifw|wld|tiff?\.(?:aux\.xml|msk))$")
_PRODUCT = re.compile(r"(.+)_(visual|analytic|unrectified|qa|band_(?:1[01]|[1-9]))")
_SIDECAR = "_metadata.json"
_LINK_TYPE = re.compile(r"/v0/scenes/([a-z][a-z0-9_-]{0,31})/")
_LANDSAT_ID = re.compile(r"L[COTEM]\d\d{6}\d{7}[A-Z]{3}\d\d")
_RAPIDEYE_ID = re.compile(r".*RapidEye-?\d", re.IGNORECASE)


@dataclass(frozen=True)
class File:
    """State of a file, by which changes are detected."""

    path: str
    size: int
    mtime_ns: int
    ctime_ns: int  # a copy with other content may preserve size and mtime (`cp -p`, `rsync -t`)


@dataclass
class Unit:
    """Files that are read together: the products and metadata of one scene, or one file of many scenes.

    Attributes
    ----------
    key : str
        Stable name within the archive.
    files : list of File
        Paths relative to the archive, with ``/``; sidecars of rasters come last.
    """

    key: str
    files: List[File] = field(default_factory=list)


@dataclass(frozen=True)
class Problem:
    """Reason why a file, or a part of it, is not served.

    Attributes
    ----------
    path : str
        Path relative to the archive.
    text : str
        The reason, as a predicate of the path.
    unread : bool
        Whether the file or folder could not be completely read, so that its former contents may still be valid.
    """

    path: str
    text: str
    unread: bool = field(default=False, compare=False)


@dataclass(frozen=True)
class SceneRecord:
    """One scene, as it is passed to the index.

    Attributes
    ----------
    scene_type : str
        The scene type.
    feature : mapping
        The Feature as in the API, with the links of its original service.
    products : mapping of str to str
        Paths relative to the archive by product.
    """

    scene_type: str
    feature: Mapping[str, Any]
    products: Mapping[str, str]


def scan(root: Path) -> Tuple[Dict[str, Unit], List[Problem]]:
    """Find the units of an archive by the names of its files, without reading them.

    Parameters
    ----------
    root : Path
        The archive.

    Returns
    -------
    units : dict of str to Unit
        Units by key.
    problems : list of Problem
        Files and folders that cannot be read or served.

    Raises
    ------
    ArchiveError
        If the archive is not a readable folder.
    """
    try:
        is_folder = root.is_dir()
    except OSError as error:  # from a parent folder
        raise _closed(root, error) from None
    if not is_folder:
        raise ArchiveError(f"{root} is not a folder: name the folder that contains the scenes.")
    units: Dict[str, Unit] = {}
    problems: List[Problem] = []
    sidecars: Dict[str, File] = {}
    rasters: Dict[str, str] = {}
    for path, entry in _walk(root, "", problems):
        if path.endswith(_SIDECAR) and len(entry.name) > len(_SIDECAR):
            key = "scene:" + path[: -len(_SIDECAR)]
        elif _RASTER.search(path):
            stem = _RASTER.sub("", path)
            match = _PRODUCT.fullmatch(stem)
            key = "scene:" + (match.group(1) if match else stem)
            rasters[path] = key
        elif path.lower().endswith((".json", ".geojson", ".geojsonl")):
            key = "list:" + path
        elif _BESIDE_RASTER.search(path):
            sidecars[path] = stamp(path, entry.stat())
            continue
        else:
            continue
        units.setdefault(key, Unit(key)).files.append(stamp(path, entry.stat()))
    for unit in units.values():
        unit.files.sort(key=lambda f: f.path)
    if sidecars:
        _add_sidecars(units, rasters, sidecars)
    return units, problems


def stamp(path: str, status: os.stat_result) -> File:
    """Return the state of a file, by which changes are detected.

    Parameters
    ----------
    path : str
        Path relative to the archive.
    status : os.stat_result
        Status of the file.
    """
    return File(path, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def _add_sidecars(units: Dict[str, Unit], rasters: Mapping[str, str], sidecars: Mapping[str, File]) -> None:
    """Add sidecars to the units of their rasters, so that a change of a sidecar is a change of the scene."""
    folders = {path.rpartition("/")[0] for path in sidecars}
    for path, key in rasters.items():
        folder, slash, name = path.rpartition("/")
        if folder not in folders:
            continue
        for beside in sidecar_names(name):
            file = sidecars.get(folder + slash + beside)
            if file is not None and file not in units[key].files:
                units[key].files.append(file)


def read(root: Path, unit: Unit, problems: List[Problem]) -> Iterator[SceneRecord]:
    """Yield the scenes of a unit.

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
    if unit.key.startswith("list:"):
        yield from _read_list(root, unit.files[0].path, problems)
        return
    stem = unit.key.rpartition("/")[2] if "/" in unit.key else unit.key[len("scene:") :]
    scene_id = id_of_stem(stem)
    if not is_item_id(scene_id):
        problems.append(Problem(unit.files[0].path, "its name is not a valid scene id"))
        return
    rasters = _rasters(root, unit, stem, problems)
    feature = _sidecar(root, unit, scene_id, problems)
    if feature is None:
        if not rasters:
            return
        first = next((p for p in ("visual", "analytic") if p in rasters), sorted(rasters, key=_natural)[0])
        try:
            feature = derive(root / rasters[first], scene_id, read_place(root / rasters[first], root))
        except (RasterProblem, SidecarProblem) as problem:
            problems.append(Problem(rasters[first], str(problem)))
            return
        checked = {rasters[first]}
    else:
        checked = set()
    if any(_BESIDE_RASTER.search(file.path) for file in unit.files):
        for path in sorted(set(rasters.values()) - checked):
            try:
                complete(root / path, read_place(root / path, root))
            except SidecarProblem as problem:
                problems.append(Problem(path, str(problem)))
    yield SceneRecord(scene_type_of(feature), feature, rasters)


def scene_type_of(feature: Mapping[str, Any]) -> str:
    """Return a Feature's scene type: from its links, its properties or the form of its id; else ``ortho``.

    Parameters
    ----------
    feature : mapping
        A Feature that `check_feature` has accepted.
    """
    properties = feature["properties"]
    links = properties.get("links")
    if isinstance(links, dict):
        for link in (links.get("self"), links.get("full")):
            match = _LINK_TYPE.search(link) if isinstance(link, str) else None
            if match:
                return match.group(1)
    for scene_type in ("landsat", "rapideye"):
        if scene_type in properties:
            return scene_type
    if _LANDSAT_ID.fullmatch(feature["id"]):
        return "landsat"
    return "rapideye" if _RAPIDEYE_ID.fullmatch(feature["id"]) else "ortho"


def inside(root: Path, path: str) -> Optional[Path]:
    """Return the real path of a file of the archive.

    Parameters
    ----------
    root : Path
        The archive.
    path : str
        Path relative to the archive.

    Returns
    -------
    Path or None
        None if the real path is outside of the archive, or not a regular file.
    """
    real = Path(os.path.realpath(root / path))
    try:
        real.relative_to(os.path.realpath(root))
    except ValueError:
        return None
    return real if real.is_file() else None


def _walk(root: Path, folder: str, problems: List[Problem]) -> Iterator[Tuple[str, os.DirEntry[str]]]:
    """Yield files in the order of their names, except hidden ones and links to files outside of the archive."""
    try:
        entries = sorted(os.scandir(root / folder), key=lambda e: e.name)
    except OSError as error:
        if not folder:
            raise _closed(root, error) from None
        problems.append(Problem(as_text(folder), f"cannot be read ({error.strerror})", unread=True))
        return
    for entry in entries:
        path = f"{folder}/{entry.name}" if folder else entry.name
        try:
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(root, path, problems)
            elif entry.is_symlink() and inside(root, path) is None:
                problems.append(Problem(path, "is a link that leads out of the archive, or to a folder"))
            elif entry.is_file():
                entry.stat()
                path.encode()
                yield path, entry
        except OSError as error:
            problems.append(Problem(as_text(path), f"cannot be read ({error.strerror})", unread=True))
        except UnicodeEncodeError:
            problems.append(Problem(as_text(path), "its name is not UTF-8"))


def _closed(root: Path, error: OSError) -> ArchiveError:
    return ArchiveError(f"{root} cannot be read ({error.strerror}): check its permissions and its disk.")


def as_text(text: str) -> str:
    """Return a text or path with unencodable characters replaced, so that it can be stored.

    Parameters
    ----------
    text : str
        A text that may contain lone surrogates.
    """
    return text.encode(errors="replace").decode()


def _rasters(root: Path, unit: Unit, scene: str, problems: List[Problem]) -> Dict[str, str]:
    found: Dict[str, str] = {}
    for file in unit.files:
        if not _RASTER.search(file.path):
            continue
        try:
            bands = check_raster(root / file.path)
        except RasterProblem as problem:
            problems.append(Problem(file.path, str(problem)))
            continue
        stem = _RASTER.sub("", file.path.rpartition("/")[2])
        product = bands.product if stem == scene else stem[len(scene) + 1 :]
        if product in found:
            problems.append(Problem(file.path, f"is a second file of the product {product}"))
        else:
            found[product] = file.path
    return found


def _sidecar(root: Path, unit: Unit, scene_id: str, problems: List[Problem]) -> Optional[Mapping[str, Any]]:
    path = next((f.path for f in unit.files if f.path.endswith(_SIDECAR)), None)
    if path is None:
        return None
    try:
        feature = check_feature(load_json(root / path))
        if feature["id"] != scene_id:
            raise ValueError(f"describes the scene {feature['id']!r}, which differs from its name")
    except ValueError as error:
        problems.append(Problem(path, str(error)))
        return None
    return feature


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
            yield from _checked(partial(_loads, stripped), f"line {number}", path, problems)


def _read_list(root: Path, path: str, problems: List[Problem]) -> Iterator[SceneRecord]:
    try:
        if path.lower().endswith(".geojsonl"):
            with (root / path).open("rb") as lines:
                yield from read_lines(lines, 0, path, problems)
        else:
            for number, feature in enumerate(_features(load_json(root / path)), 1):
                yield from _checked(lambda: feature, f"feature {number}", path, problems)  # noqa: B023 - called at once
    except ValueError as error:
        problems.append(Problem(path, str(error)))


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


def load_json(path: Path) -> Any:
    """Read a JSON file.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    object
        The parsed document.

    Raises
    ------
    ValueError
        If it is longer than `MAX_JSON`, too deeply nested or not JSON.
    OSError
        If it cannot be read.
    """
    if path.stat().st_size > MAX_JSON:
        raise ValueError(f"is longer than {MAX_JSON // 2**20} MB")
    return _loads(path.read_bytes())


def _loads(content: bytes) -> Any:
    try:
        return _DECODER.decode(content.decode("utf-8-sig"))
    except RecursionError:
        raise ValueError("is JSON nested too deeply") from None
    except ValueError as error:
        raise ValueError(f"is not JSON ({error})") from None


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


_DECODER = json.JSONDecoder(parse_constant=_no_constant)


def check_feature(feature: Any) -> Mapping[str, Any]:
    """Check that a Feature can be served, and return it.

    Parameters
    ----------
    feature : object
        Parsed JSON.

    Returns
    -------
    mapping
        The same object.

    Raises
    ------
    ValueError
        If it is not a Feature, or lacks a valid id, properties or a time of acquisition.
    """
    if not isinstance(feature, dict) or feature.get("type") != "Feature":
        raise ValueError("is not a GeoJSON Feature")
    if not isinstance(feature.get("id"), str) or not is_item_id(feature["id"]):
        raise ValueError("has no valid scene id")
    if not isinstance(feature.get("properties"), dict):
        raise ValueError(f"scene {feature['id']} has no properties")
    acquired = feature["properties"].get("acquired")
    try:
        if not isinstance(acquired, str):
            raise ValueError("is missing")
        parse_time(acquired)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"scene {feature['id']}: acquired {error}") from None
    return feature


def _natural(product: str) -> Tuple[str, int]:
    """Return a sort key that orders ``band_2`` before ``band_10``."""
    stem, _, number = product.rpartition("_")
    return (stem, int(number)) if re.fullmatch(r"[0-9]{1,9}", number) else (product, 0)
