"""Metadata of PlanetScope and RapidEye files as XML: ``<file>_metadata.xml``.

The two providers use different namespaces for one tree of elements, so elements are found by their local names.
"""

from __future__ import annotations

from typing import Dict, Iterator, List, Mapping, NamedTuple, Optional
from xml.etree.ElementTree import Element

from planet_vector.geometry.wrapping import footprint_of
from planet_vector.server.archive.fields import SceneFields, direction_or_none, number_or_none, time_or_none
from planet_vector.server.archive.metadata.bounded import MetadataProblem, elements, first_text, local_name, parse_xml

Ring = List[List[float]]

_CORNERS = ("topLeft", "topRight", "bottomRight", "bottomLeft")


class PlanetXml(NamedTuple):
    """Content of a metadata file.

    Attributes
    ----------
    fields : SceneFields
        Fields of the scene.
    reflectance, radiance : mapping of int to float
        Factors by number of the band, from 1, which convert stored values to reflectance at the top of the atmosphere,
        and to radiance in W/(m² sr µm).
    corners : mapping or None
        The area between the corners of the grid, a GeoJSON geometry.
    archive_id : str or None
        Id in the archive of the provider: PlanetScope's strip, RapidEye's catalogue id.
    tile_id : str or None
        RapidEye's tile.
    """

    fields: SceneFields
    reflectance: Mapping[int, float]
    radiance: Mapping[int, float]
    corners: Optional[Mapping[str, object]]
    archive_id: Optional[str]
    tile_id: Optional[str]


def parse_planet_xml(content: bytes) -> PlanetXml:
    """Parse the metadata of a file.

    Parameters
    ----------
    content : bytes
        The document.

    Returns
    -------
    PlanetXml
        Its content.

    Raises
    ------
    MetadataProblem
        If it is not XML, or not such metadata.
    """
    root = parse_xml(content)
    if local_name(root) != "EarthObservation":
        raise MetadataProblem("is not metadata of PlanetScope or RapidEye")

    def number(*names: str) -> Optional[float]:
        return number_or_none(first_text(root, *names))

    times = (first_text(root, "acquisitionDateTime"), first_text(root, "acquisitionDate"))
    cloud = number("cloudCoverPercentage")
    resolutions = (number("ProductInformation", "columnGsd"), number("ProductInformation", "rowGsd"),
                   number("Sensor", "resolution"))  # fmt: skip
    fields = SceneFields(
        acquired=next(filter(None, map(time_or_none, times)), None),
        geometry=_footprint(root),
        cloud_percent=cloud if cloud is not None and 0 <= cloud <= 100 else None,
        pixel_resolution=next((r for r in resolutions if r is not None and r > 0), None),
        satellite=first_text(root, "Platform", "serialIdentifier"),
        instrument=first_text(root, "Instrument", "shortName"),
        off_nadir=number("spaceCraftViewAngle"),
        azimuth=direction_or_none(first_text(root, "azimuthAngle")),
        sun_elevation=number("illuminationElevationAngle"),
        sun_azimuth=direction_or_none(first_text(root, "illuminationAzimuthAngle")),
    )
    return PlanetXml(
        fields,
        _factors(root, "reflectanceCoefficient"),
        _factors(root, "radiometricScaleFactor"),
        _corners(root),
        first_text(root, "archivingIdentifier"),
        first_text(root, "tileId"),
    )


def _factors(root: Element, name: str) -> Dict[int, float]:
    found: Dict[int, float] = {}
    for band in elements(root, "bandSpecificMetadata"):
        number, factor = first_text(band, "bandNumber"), number_or_none(first_text(band, name))
        if number and number.isdecimal() and len(number) < 4 and factor is not None:
            found.setdefault(int(number), factor)
    return found


def _footprint(root: Element) -> Optional[Mapping[str, object]]:
    """Return the polygons of the footprint: ``lon,lat`` pairs, separated by white space."""
    polygons = [
        list(_rings(polygon)) for footprint in elements(root, "Footprint") for polygon in elements(footprint, "Polygon")
    ]
    if not polygons or not all(polygons):
        return None
    if len(polygons) == 1:
        return _checked({"type": "Polygon", "coordinates": polygons[0]})
    return _checked({"type": "MultiPolygon", "coordinates": polygons})


def _rings(polygon: Element) -> Iterator[Ring]:
    for coordinates in elements(polygon, "coordinates"):
        ring = []
        for pair in (coordinates.text or "").split():
            values = [number_or_none(text) for text in pair.split(",")]
            ring.append([value for value in values if value is not None])
        yield ring


def _corners(root: Element) -> Optional[Mapping[str, object]]:
    """Return the area between the corners of the grid, each of which has a latitude and a longitude."""
    ring = []
    for name in _CORNERS:
        longitude = number_or_none(first_text(root, "geographicLocation", name, "longitude"))
        latitude = number_or_none(first_text(root, "geographicLocation", name, "latitude"))
        if longitude is None or latitude is None:
            return None
        ring.append([longitude, latitude])
    return _checked({"type": "Polygon", "coordinates": [[*ring, ring[0]]]})


def _checked(geometry: Mapping[str, object]) -> Optional[Mapping[str, object]]:
    try:
        footprint_of(geometry)
    except ValueError:
        return None
    return geometry
