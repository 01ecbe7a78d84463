"""Fields of a Sentinel-1 scene, by the annotation of an image and the manifest of the product."""

from __future__ import annotations

from datetime import datetime
from typing import Dict, List, Mapping, Optional, Tuple
from xml.etree.ElementTree import Element

from planet_vector.server.archive.fields import SceneFields, number_or_none, time_or_none
from planet_vector.server.archive.metadata.bounded import children, elements, first_text, parse_xml
from planet_vector.server.archive.metadata.outline import outline_of


def middle(start: Optional[datetime], end: Optional[datetime]) -> Optional[datetime]:
    """Return the middle of an interval; if one end is missing, the other.

    Parameters
    ----------
    start, end : datetime.datetime or None
        Its ends.
    """
    if start is None or end is None:
        return start or end
    return start + (end - start) / 2


def parse_annotation(content: bytes) -> SceneFields:
    """Parse the annotation of an image.

    Parameters
    ----------
    content : bytes
        The file.

    Returns
    -------
    SceneFields
        Its fields; the footprint is the border of its grid of positions.

    Raises
    ------
    MetadataProblem
        If it cannot be parsed.
    """
    root = parse_xml(content)
    start, end = (time_or_none(first_text(root, "adsHeader", name)) for name in ("startTime", "stopTime"))
    direction, mission = first_text(root, "pass"), first_text(root, "missionId")
    across, along = (number_or_none(first_text(root, name)) for name in ("rangePixelSpacing", "azimuthPixelSpacing"))
    orbit = number_or_none(first_text(root, "absoluteOrbitNumber"))
    return SceneFields(
        acquired=middle(start, end),
        start=start,
        end=end,
        geometry=outline_of(_border(root)),
        gsd=None if across is None or along is None else (across + along) / 2,
        satellite=f"Sentinel-{mission[1:]}" if mission and mission[:1] == "S" else None,
        stac=_present(
            {
                "sar:instrument_mode": first_text(root, "mode"),
                "sar:pixel_spacing_range": across,
                "sar:pixel_spacing_azimuth": along,
                "sat:orbit_state": direction.lower() if direction else None,
                "sat:absolute_orbit": None if orbit is None else int(orbit),
                "view:incidence_angle": number_or_none(first_text(root, "incidenceAngleMidSwath")),
            }
        ),
    )


def _border(root: Element) -> List[Tuple[float, float]]:
    """Return longitude and latitude along the border of the grid of positions."""
    places: Dict[Tuple[float, float], Tuple[float, float]] = {}
    for element in elements(root, "geolocationGridPoint"):
        texts = children(element)
        line, pixel, lat, lon = (number_or_none(texts.get(name)) for name in ("line", "pixel", "latitude", "longitude"))
        if line is not None and pixel is not None and lat is not None and lon is not None:
            places[line, pixel] = lon, lat
    if not places:
        return []
    lines, pixels = sorted({line for line, _ in places}), sorted({pixel for _, pixel in places})
    around = [
        *((lines[0], pixel) for pixel in pixels),
        *((line, pixels[-1]) for line in lines[1:]),
        *((lines[-1], pixel) for pixel in pixels[-2::-1]),
        *((line, pixels[0]) for line in lines[-2:0:-1]),
    ]
    return [places[place] for place in around if place in places]


def parse_manifest(content: bytes) -> SceneFields:
    """Parse the manifest of a product, ``manifest.safe``.

    Parameters
    ----------
    content : bytes
        The file.

    Returns
    -------
    SceneFields
        Its fields.

    Raises
    ------
    MetadataProblem
        If it cannot be parsed.
    """
    root = parse_xml(content)
    start = time_or_none(first_text(root, "acquisitionPeriod", "startTime"))
    end = time_or_none(first_text(root, "acquisitionPeriod", "stopTime"))
    orbit = number_or_none(first_text(root, "relativeOrbitNumber"))
    positions = []
    for pair in (first_text(root, "footPrint", "coordinates") or "").split():
        lat, _, lon = pair.partition(",")
        positions.append((number_or_none(lon), number_or_none(lat)))
    return SceneFields(
        acquired=middle(start, end),
        start=start,
        end=end,
        geometry=outline_of(positions),
        stac={} if orbit is None else {"sat:relative_orbit": int(orbit)},
    )


def _present(values: Mapping[str, object]) -> Dict[str, object]:
    return {name: found for name, found in values.items() if found is not None}
