"""Sources of VRTs that GDAL opens again: every one, at any depth, and nothing else in the text is changed."""

from __future__ import annotations

from typing import List
from xml.etree.ElementTree import fromstring

from planet_vector.geometry.grid import GridSpec
from planet_vector.raster.fresh_sources import with_fresh_sources
from planet_vector.raster.vrt_xml import add_band, add_mask, add_overview, add_source, as_text, new_vrt

GRID = GridSpec(32632, 600000, 5320000, (3, 3), 20, 10)
WARPED = (
    '<VRTDataset rasterXSize="20" rasterYSize="10" subClass="VRTWarpedDataset"><GDALWarpOptions>'
    '<SourceDataset relativeToVRT="0">/a/b &amp; c.vrt</SourceDataset></GDALWarpOptions></VRTDataset>'
)


def of(*sources: str) -> str:
    root = new_vrt(GRID)
    for number, source in enumerate(sources, 1):
        band = add_band(root, "Byte")
        add_source(band, source, 1)
        add_source(band, source, 1, settings={"NODATA": "0"})
        add_overview(band, source, number)
    add_source(add_mask(root), sources[0], "mask,1", settings={"NODATA": "0"})
    return as_text(root)


def without(text: str, values: List[str]) -> str:
    """Return a text without the options of sources, at any depth, whose values are appended to a list."""
    root = fromstring(text)
    for parent in root.iter():
        for name in [child for child in parent if child.tag in ("SourceFilename", "SourceDataset")]:
            if (name.text or "").startswith("<"):
                name.text = without(name.text or "", values)
            options = parent.findall("OpenOptions")
            assert len(options) == (parent.tag != "Overview")
            for each in options:
                assert [option.get("key", "")[0] for option in each] == ["@"]
                values += [option.text or "" for option in each]
                parent.remove(each)
    return as_text(root)


def test_each_source_has_an_option_of_its_own_writing_and_the_rest_is_as_it_was() -> None:
    text = of("GTIFF_DIR:1:/vsicurl?url=http%3A%2F%2Fa.example%2Fb.tif&empty_dir=yes", of("/c.vrt", WARPED), WARPED)
    seen, written = set(), text
    for _ in range(3):  # a text written before is given another value, not a second
        written = with_fresh_sources(written)
        values: List[str] = []
        assert without(written, values) == as_text(fromstring(text))
        assert len(set(values)) == 1
        seen.update(values)
    assert len(seen) == 3
