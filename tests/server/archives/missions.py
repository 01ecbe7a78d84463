"""Archives of the public missions, made by the specification of their metadata, and the scenes read from them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Dict, List, Mapping, Optional, Sequence, Tuple
from xml.sax.saxutils import escape

import numpy as np
import rasterio
from rasterio.control import GroundControlPoint
from rasterio.enums import ColorInterp
from rasterio.transform import from_origin

from planet_vector.server.archive.inventory import read, scan
from planet_vector.server.archive.units import Problem, SceneAsset, SceneRecord

Groups = Mapping[str, Mapping[str, object]]

ORIGIN = 499_980.0, 5_300_040.0
"""Upper left corner of the rasters, in EPSG:32633: 15° east, 47.85° north."""


def write_image(
    path: Path,
    value: int = 100,
    *,
    dtype: str = "uint16",
    bands: int = 1,
    size: int = 40,
    pixel: float = 30.0,
    left: float = ORIGIN[0],
    margin: int = 0,
    points: Sequence[GroundControlPoint] = (),
    colours: Sequence[ColorInterp] = (),
) -> np.ndarray:
    """Write a GeoTIFF or JPEG 2000 file of one value a band, rising by one, with zeros around it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.zeros((bands, size, size), dtype)
    inner = slice(margin, size - margin)
    for band in range(bands):
        pixels[band, inner, inner] = value + band
    profile = {"width": size, "height": size, "count": bands, "dtype": dtype, "driver": "GTiff"}
    if path.suffix == ".jp2":
        profile.update(driver="JP2OpenJPEG", QUALITY=100, REVERSIBLE="YES", YCBCR420="NO")
    if points:
        profile.update(gcps=list(points), crs="EPSG:4326")
    else:
        profile.update(crs="EPSG:32633", transform=from_origin(left, ORIGIN[1], pixel, pixel))
    with rasterio.open(path, "w", **profile) as dataset:
        if colours:
            dataset.colorinterp = list(colours)
        dataset.write(pixels)
    return pixels


# ---- Landsat ---------------------------------------------------------------------------------------------


def mtl_text(groups: Groups, outer: str = "LANDSAT_METADATA_FILE") -> str:
    """Return a Landsat metadata file as text (ODL)."""
    lines = [f"GROUP = {outer}"]
    for group, values in groups.items():
        lines.append(f"  GROUP = {group}")
        lines += [f"    {key} = {_odl(value)}" for key, value in values.items()]
        lines.append(f"  END_GROUP = {group}")
    return "\n".join([*lines, f"END_GROUP = {outer}", "END", ""])


def _odl(value: object) -> str:
    is_bare = isinstance(value, (int, float)) or (isinstance(value, str) and value[:4].isdigit() and value[4:5] == "-")
    return str(value) if is_bare else f'"{value}"'


def mtl_json(groups: Groups, outer: str = "LANDSAT_METADATA_FILE") -> str:
    """Return a Landsat metadata file as JSON, in which all values are texts."""
    return json.dumps({outer: {name: {k: str(v) for k, v in values.items()} for name, values in groups.items()}})


def mtl_xml(groups: Groups, outer: str = "LANDSAT_METADATA_FILE") -> str:
    """Return a Landsat metadata file as XML."""
    inner = "".join(
        f"<{name}>{''.join(f'<{k}>{escape(str(v))}</{k}>' for k, v in values.items())}</{name}>"
        for name, values in groups.items()
    )
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<{outer}>{inner}</{outer}>'


# ---- Sentinel-2 ------------------------------------------------------------------------------------------

S2_BANDS = ("B1", "B2", "B3", "B4", "B5", "B6", "B7", "B8", "B8A", "B9", "B10", "B11", "B12")
"""Physical bands in the order of their numbers in the metadata."""

OUTLINE = (14.9, 47.8), (16.4, 47.9), (16.3, 46.9), (14.8, 46.8)
"""Longitude and latitude of the stated outline, which is not that of the rasters."""


def s2_product_xml(
    level: str, *, offset: Optional[int] = -1000, outline: Sequence[Tuple[float, float]] = OUTLINE
) -> str:
    """Return the metadata of a Sentinel-2 product: MTD_MSIL1C.xml or MTD_MSIL2A.xml."""
    name = "RADIO_ADD_OFFSET" if level == "1C" else "BOA_ADD_OFFSET"
    offsets = "" if offset is None else "".join(f'<{name} band_id="{i}">{offset - i}</{name}>' for i in range(13))
    values = "<QUANTIFICATION_VALUE>10000</QUANTIFICATION_VALUE>"
    if level == "2A":
        values = (
            "<QUANTIFICATION_VALUES_LIST><BOA_QUANTIFICATION_VALUE>10000</BOA_QUANTIFICATION_VALUE>"
            "<AOT_QUANTIFICATION_VALUE>1000.0</AOT_QUANTIFICATION_VALUE>"
            '<WVP_QUANTIFICATION_VALUE unit="cm">500.0</WVP_QUANTIFICATION_VALUE></QUANTIFICATION_VALUES_LIST>'
        )
    spectra = "".join(
        f'<Spectral_Information bandId="{i}" physicalBand="{band}"><Wavelength><MIN unit="nm">{400 + i}</MIN>'
        f'<MAX unit="nm">{500 + i}</MAX><CENTRAL unit="nm">{440 + 10 * i}.5</CENTRAL></Wavelength>'
        "</Spectral_Information>"
        for i, band in enumerate(S2_BANDS)
    )
    positions = " ".join(f"{lat} {lon}" for lon, lat in (*outline, outline[0]))
    return f"""<?xml version="1.0" encoding="UTF-8" standalone="no"?>
<n1:Level-{level}_User_Product xmlns:n1="https://psd-14.sentinel2.eo.esa.int/PSD/User_Product_Level-{level}.xsd">
  <n1:General_Info>
    <Product_Info>
      <PRODUCT_START_TIME>2022-04-13T10:00:31.024Z</PRODUCT_START_TIME>
      <PROCESSING_BASELINE>04.00</PROCESSING_BASELINE>
      <GENERATION_TIME>2022-04-14T08:21:26.580338Z</GENERATION_TIME>
      <Datatake datatakeIdentifier="GS2B_20220413T100031_026649_N04.00">
        <SPACECRAFT_NAME>Sentinel-2B</SPACECRAFT_NAME>
        <SENSING_ORBIT_NUMBER>25</SENSING_ORBIT_NUMBER>
        <SENSING_ORBIT_DIRECTION>DESCENDING</SENSING_ORBIT_DIRECTION>
      </Datatake>
    </Product_Info>
    <Product_Image_Characteristics>
      <Special_Values>
        <SPECIAL_VALUE_TEXT>NODATA</SPECIAL_VALUE_TEXT><SPECIAL_VALUE_INDEX>0</SPECIAL_VALUE_INDEX>
      </Special_Values>
      <Special_Values>
        <SPECIAL_VALUE_TEXT>SATURATED</SPECIAL_VALUE_TEXT><SPECIAL_VALUE_INDEX>65535</SPECIAL_VALUE_INDEX>
      </Special_Values>
      {values}{offsets}
      <Spectral_Information_List>{spectra}</Spectral_Information_List>
    </Product_Image_Characteristics>
  </n1:General_Info>
  <n1:Geometric_Info><Product_Footprint><Product_Footprint><Global_Footprint>
    <EXT_POS_LIST>{positions}</EXT_POS_LIST>
  </Global_Footprint></Product_Footprint></Product_Footprint></n1:Geometric_Info>
  <n1:Quality_Indicators_Info><Cloud_Coverage_Assessment>37.5</Cloud_Coverage_Assessment></n1:Quality_Indicators_Info>
</n1:Level-{level}_User_Product>"""


def s2_tile_xml(azimuths: Sequence[float] = (350, 20, 5)) -> str:
    """Return the metadata of a Sentinel-2 tile, MTD_TL.xml."""
    views = "".join(
        f'<Mean_Viewing_Incidence_Angle bandId="{i}"><ZENITH_ANGLE unit="deg">{4 + i}</ZENITH_ANGLE>'
        f'<AZIMUTH_ANGLE unit="deg">{azimuth}</AZIMUTH_ANGLE></Mean_Viewing_Incidence_Angle>'
        for i, azimuth in enumerate(azimuths)
    )
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<n1:Level-2A_Tile_ID xmlns:n1="https://psd-14.sentinel2.eo.esa.int/PSD/S2_PDI_Level-2A_Tile_Metadata.xsd">
  <n1:General_Info>
    <TILE_ID>S2B_OPER_MSI_L2A_TL_XXXX_20220414T082127_A026649_T33TWN_N04.00</TILE_ID>
    <SENSING_TIME metadataLevel="Standard">2022-04-13T10:05:07.846358Z</SENSING_TIME>
  </n1:General_Info>
  <n1:Geometric_Info><Tile_Angles>
    <Sun_Angles_Grid><Zenith/></Sun_Angles_Grid>
    <Mean_Sun_Angle>
      <ZENITH_ANGLE unit="deg">40.25</ZENITH_ANGLE><AZIMUTH_ANGLE unit="deg">156.5</AZIMUTH_ANGLE>
    </Mean_Sun_Angle>
    <Mean_Viewing_Incidence_Angle_List>{views}</Mean_Viewing_Incidence_Angle_List>
  </Tile_Angles></n1:Geometric_Info>
  <n1:Quality_Indicators_Info><Image_Content_QI>
    <CLOUDY_PIXEL_PERCENTAGE>61.5</CLOUDY_PIXEL_PERCENTAGE>
  </Image_Content_QI></n1:Quality_Indicators_Info>
</n1:Level-2A_Tile_ID>"""


def s2_safe(parent: Path, level: str, images: Sequence[str], *, tile: str = "T33TWN", **options: object) -> Path:
    """Write a SAFE folder of Sentinel-2 with images such as ``R10m/B02_10m``, and return it."""
    safe = parent / f"S2B_MSIL{level}_20220413T100031_N0400_R025_{tile}_20220414T082126.SAFE"
    granule = safe / "GRANULE" / f"L{level}_{tile}_A026649_20220413T100756"
    for number, image in enumerate(images):
        folder, _, name = image.rpartition("/")
        path = granule / "IMG_DATA" / folder / f"{tile}_20220413T100031_{name}.jp2"
        is_colour = name.startswith("TCI")
        pixel = int(name[-3:-1]) if name.endswith("m") else 10 if name in ("B02", "B03", "B04", "B08", "TCI") else 20
        write_image(
            path,
            50 + 10 * number,
            dtype="uint8" if is_colour else "uint16",
            bands=3 if is_colour else 1,
            size=1200 // pixel,
            pixel=pixel,
            colours=(ColorInterp.red, ColorInterp.green, ColorInterp.blue) if is_colour else (),
        )
    (granule / "QI_DATA").mkdir()
    write_image(granule / "QI_DATA" / "MSK_CLDPRB_20m.jp2", dtype="uint8")
    (safe / f"MTD_MSIL{level}.xml").write_text(s2_product_xml(level, **options), encoding="utf-8")  # type: ignore[arg-type]
    (granule / "MTD_TL.xml").write_text(s2_tile_xml(), encoding="utf-8")
    (safe / "manifest.safe").write_text("<xfdu/>", encoding="utf-8")
    return safe


# ---- Sentinel-1 ------------------------------------------------------------------------------------------

S1_CORNERS = (1.5, 46.0), (4.9, 46.4), (5.2, 44.9), (1.9, 44.5)
"""Longitude and latitude of the corners of the image: first line from left to right, last line from right to left."""


def s1_points(size: int) -> List[GroundControlPoint]:
    """Return a grid of 5 by 5 points of an image, bilinear between its corners."""
    (a, b), (c, d), (e, f), (g, h) = S1_CORNERS
    points = []
    for i in range(5):
        for j in range(5):
            v, u = i / 4, j / 4
            lon = (1 - v) * ((1 - u) * a + u * c) + v * ((1 - u) * g + u * e)
            lat = (1 - v) * ((1 - u) * b + u * d) + v * ((1 - u) * h + u * f)
            points.append(GroundControlPoint(v * size, u * size, lon, lat))
    return points


def s1_annotation_xml(size: int = 100) -> str:
    """Return the annotation of a Sentinel-1 image."""
    points = "".join(
        f"<geolocationGridPoint><line>{p.row:.0f}</line><pixel>{p.col:.0f}</pixel><latitude>{p.y:e}</latitude>"
        f"<longitude>{p.x:e}</longitude><height>0</height></geolocationGridPoint>"
        for p in s1_points(size)
    )
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<product>
  <adsHeader>
    <missionId>S1A</missionId><productType>GRD</productType><polarisation>VV</polarisation><mode>IW</mode>
    <startTime>2021-08-09T17:39:53.000000</startTime><stopTime>2021-08-09T17:40:18.500000</stopTime>
    <absoluteOrbitNumber>39156</absoluteOrbitNumber>
  </adsHeader>
  <generalAnnotation><productInformation><pass>Ascending</pass></productInformation></generalAnnotation>
  <imageAnnotation><imageInformation>
    <rangePixelSpacing>1.000000e+01</rangePixelSpacing><azimuthPixelSpacing>1.200000e+01</azimuthPixelSpacing>
    <incidenceAngleMidSwath>3.897278959261869e+01</incidenceAngleMidSwath>
  </imageInformation></imageAnnotation>
  <geolocationGrid><geolocationGridPointList count="25">{points}</geolocationGridPointList></geolocationGrid>
</product>"""


def s1_manifest_xml(outline: Optional[Sequence[Tuple[float, float]]] = S1_CORNERS) -> str:
    """Return the manifest of a Sentinel-1 product."""
    pairs = "" if outline is None else " ".join(f"{lat:.6f},{lon:.6f}" for lon, lat in outline)
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<xfdu:XFDU xmlns:xfdu="urn:ccsds:schema:xfdu:1" xmlns:gml="http://www.opengis.net/gml"
           xmlns:safe="http://www.esa.int/safe/sentinel-1.0">
  <metadataSection>
    <safe:orbitReference><safe:relativeOrbitNumber type="start">59</safe:relativeOrbitNumber></safe:orbitReference>
    <safe:acquisitionPeriod>
      <safe:startTime>2021-08-09T17:39:53.153776</safe:startTime><safe:stopTime>2021-08-09T17:40:18.152800</safe:stopTime>
    </safe:acquisitionPeriod>
    <safe:frameSet><safe:frame><safe:footPrint srsName="http://www.opengis.net/gml/srs/epsg.xml#4326">
      <gml:coordinates>{pairs}</gml:coordinates>
    </safe:footPrint></safe:frame></safe:frameSet>
  </metadataSection>
</xfdu:XFDU>"""


def s1_safe(parent: Path, *, polarisations: Sequence[str] = ("vv", "vh"), size: int = 100) -> Path:
    """Write a SAFE folder of Sentinel-1 GRD, placed by ground control points, and return it."""
    safe = parent / "S1A_IW_GRDH_1SDV_20210809T173953_20210809T174018_039156_049F13_6FF8.SAFE"
    for number, name in enumerate(polarisations, 1):
        stem = f"s1a-iw-grd-{name}-20210809t173953-20210809t174018-039156-049f13-{number:03}"
        write_image(safe / "measurement" / f"{stem}.tiff", 100 * number, size=size, points=s1_points(size))
        for folder, prefix in (("", ""), ("calibration", "calibration-"), ("calibration", "noise-")):
            path = safe / "annotation" / folder / f"{prefix}{stem}.xml"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(s1_annotation_xml(size) if not prefix else "<calibration/>", encoding="utf-8")
    (safe / "manifest.safe").write_text(s1_manifest_xml(), encoding="utf-8")
    return safe


# ---- what is read of an archive --------------------------------------------------------------------------


def scenes_in(root: Path) -> Tuple[Dict[str, SceneRecord], List[Problem]]:
    """Return the scenes of an archive by the id that their metadata gives, and what is reported."""
    units, problems = scan(root)
    found: Dict[str, SceneRecord] = {}
    for unit in units.values():
        for record in read(root, unit, problems):
            assert record.feature["id"] not in found
            found[str(record.feature["id"])] = record
    return found, problems


def only_scene(root: Path) -> SceneRecord:
    """Return the scene of an archive that has one, and no problems."""
    found, problems = scenes_in(root)
    assert not problems
    (record,) = found.values()
    return record


def by_key(record: SceneRecord) -> Dict[str, SceneAsset]:
    """Return a scene's assets by key, in order."""
    found = {asset.key: asset for asset in record.assets}
    assert len(found) == len(record.assets)
    return found


def properties(record: SceneRecord) -> Dict[str, object]:
    """Return the properties of a scene's v0 Feature."""
    return dict(record.feature["properties"])


def nested(values: Mapping[str, object], name: str) -> Optional[object]:
    """Return a value by its dotted name."""
    found: object = values
    for part in name.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found
