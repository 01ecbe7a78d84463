"""Scenes of files that a rule file describes (`planet_vector.server.archive.rules`); it precedes all other kinds."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Dict, Iterator, List, Match, Optional, Sequence, Tuple

from planet_vector.assets import SpectralBand
from planet_vector.bands import COMMON_NAMES, BandInfo
from planet_vector.errors import ArchiveError
from planet_vector.pixels.opening import open_raster
from planet_vector.server.archive.band_names import bands_of
from planet_vector.server.archive.fields import ACQUIRED, SceneFields, first_of, text_or_none
from planet_vector.server.archive.listing import Listing
from planet_vector.server.archive.metadata.stac_item import as_object, resolve
from planet_vector.server.archive.raster_info import RasterInfo
from planet_vector.server.archive.rules import LONGEST_PATH, RULES_FILE, Rule, TimeSource, filled, load_rules
from planet_vector.server.archive.scene_features import load_json
from planet_vector.server.archive.scene_metadata import derived_fields, time_in_name
from planet_vector.server.archive.unit_files import load_raster, measure_first, raster_type
from planet_vector.server.archive.units import SKIPPED, Kind, Problem, SceneAsset, SceneRecord, Unit, name_of

_PREFIX = "ruled:"
_RASTER = re.compile(r".+\.(?:tiff?|jp2)", re.IGNORECASE | re.DOTALL)
_SECONDS = 10.0  # of one path: patterns have polynomial time, which may still be long


def _claim(listing: Listing, problems: List[Problem]) -> Iterator[Tuple[str, str]]:
    files = [path for path in listing if _is_rules(path)]
    if not files:
        return
    file = files[-1]  # one outside of the archive comes last, and wins
    rules = load_rules(listing.root / file)
    for path in listing:
        found = None if path in files else _match(rules, path)
        if found is None:
            continue
        rule, match = found
        if rule.skip:
            problems.append(Problem(path, f"is skipped by rule {rule.number}", kind=SKIPPED))
            yield "", path
        elif _RASTER.fullmatch(path):
            key = f"{_PREFIX}{rule.scene_type}/{rule.id_of(match)}"
            yield key, path
            yield key, file
            for source in rule.times:
                sidecar = _sidecar(source, match, path)
                if sidecar is not None and sidecar in listing:
                    yield key, sidecar


def _is_rules(path: str) -> bool:
    """Return whether a file is the rule file of the archive, or one outside of it, whose path is absolute."""
    return path == RULES_FILE or path[:1] == "/" or path[1:3] == ":/"


def _match(rules: Sequence[Rule], path: str) -> Optional[Tuple[Rule, Match[str]]]:
    """Return the first rule whose pattern matches a path."""
    if len(path) > LONGEST_PATH:
        return None
    for rule in rules:
        start = time.perf_counter()
        match = rule.pattern.fullmatch(path)
        if time.perf_counter() - start > _SECONDS:
            raise ArchiveError(
                f"Rule {rule.number} took more than {_SECONDS:g} s for the path {path[:200]}: make its pattern simpler."
            )
        if match:
            return rule, match
    return None


def _sidecar(source: TimeSource, match: Match[str], path: str) -> Optional[str]:
    if not source.sidecar:
        return None
    return resolve(path.rpartition("/")[0], filled(source.sidecar, match.groupdict()))


def _read(root: Path, unit: Unit, problems: List[Problem]) -> Iterator[SceneRecord]:
    file = next(f.path for f in unit.files if _is_rules(f.path))
    try:
        rules = load_rules(root / file)
    except ArchiveError as error:  # changed since the scan
        problems.append(Problem(file, str(error)))
        return
    assets: Dict[str, SceneAsset] = {}
    first: Optional[Tuple[Rule, Match[str]]] = None
    sources: List[SceneFields] = []
    for path in [f.path for f in unit.files if _RASTER.fullmatch(f.path)]:
        found = _match(rules, path)
        raster = load_raster(root, path, problems) if found else None
        if found is None or raster is None:
            continue
        rule, match = found
        try:
            product = rule.product_of(match) or raster.product
        except ValueError as error:
            problems.append(Problem(path, str(error)))
            continue
        if product in assets:
            problems.append(Problem(path, f"is a second file of the product {product}, by rule {rule.number}"))
            continue
        roles = ("visual",) if product == "visual" else ("data",)
        bands = _bands(rule, product, raster, path, problems)
        media_type = raster_type(path, raster)
        assets[product] = SceneAsset(product, path, media_type, roles, product, bands=bands, raster=raster)
        moment = next(filter(None, (_time(root, path, source, rule, match, problems) for source in rule.times)), None)
        sources.append(first_of(SceneFields(acquired=moment), _stated(rule, match)))
        first = first or found
    if first is None:
        return
    order = [assets[name] for name in ("visual", "analytic") if name in assets]
    measured = measure_first(root, order + [a for a in assets.values() if a not in order], problems)
    if measured is None:
        return
    scene_id = name_of(unit.key)
    derived = derived_fields(measured, time_in_name(scene_id))
    if first[0].times:  # the rule states all sources: the file's own tags are not among them
        guessed = () if measured.changed is None else (ACQUIRED,)
        derived = replace(derived, acquired=measured.changed, guessed=guessed)
    fields = first_of(*sources, derived)
    if fields.acquired is None:
        problems.append(Problem(unit.files[0].path, "has no time of acquisition, and no valid modification time"))
        return
    ordered = tuple(assets.values())
    item = fields.to_json()
    yield SceneRecord(first[0].scene_type, fields.to_feature(scene_id), ordered, item=item, guessed=fields.guessed)


KIND = Kind(_PREFIX, _claim, _read, name_of)


def _time(
    root: Path, path: str, source: TimeSource, rule: Rule, match: Match[str], problems: List[Problem]
) -> Optional[datetime]:
    """Return the time that one source states; None if there is none. An unreadable one is reported."""
    text: Optional[str] = None
    if source.group:
        text = match[source.group]
    elif source.tag:
        with open_raster(root / path) as dataset:
            text = dataset.tags().get(source.tag) or dataset.tags(ns="IMAGERY").get(source.tag)
    else:
        sidecar = _sidecar(source, match, path)
        if sidecar is not None and (root / sidecar).is_file():
            try:
                value: object = load_json(root / sidecar)
            except ValueError as error:
                problems.append(Problem(sidecar, str(error)))
                return None
            for key in source.keys:
                value = as_object(value).get(key)
            text = text_or_none(value)
    if not text:
        return None
    try:
        return source.parse(text.strip())
    except (ValueError, OverflowError):
        problems.append(Problem(path, f"has a time that rule {rule.number} cannot read: {text[:100]!r}"))
        return None


def _stated(rule: Rule, match: Match[str]) -> SceneFields:
    """Return the fields that a rule states as `properties`."""
    groups = match.groupdict()
    said = {key: filled(v, groups) if isinstance(v, str) else v for key, v in rule.properties.items() if v is not None}
    known = {name: text_or_none(said.get(name)) for name in ("provider", "instrument")}
    others = {key: value for key, value in said.items() if not known.get(key)}
    return SceneFields(provider=known["provider"], instrument=known["instrument"], v0=others, v1=others, stac=others)


def _bands(rule: Rule, product: str, raster: RasterInfo, path: str, problems: List[Problem]) -> Tuple[BandInfo, ...]:
    names = rule.bands.get(product) or rule.bands.get("") or ()
    if not names:
        return bands_of(raster)
    if len(names) != raster.bands:
        text = f"has {raster.bands} bands, and rule {rule.number} names {len(names)}: they are served with other names"
        problems.append(Problem(path, text))
        return bands_of(raster)
    colours = {"red": "Red", "green": "Green", "blue": "Blue"}
    return tuple(
        BandInfo(
            SpectralBand(name, None, None, colours.get(name, "Gray"), name, name if name in COMMON_NAMES else ""),
            nodata=raster.nodata,
        )
        for name in names
    )
