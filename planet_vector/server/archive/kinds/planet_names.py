"""Names of the files of Planet's items, and what the assets of each item type are in other APIs.

The patterns are those of ``docs/archives.md``.
"""

from __future__ import annotations

import re
from typing import Dict, Mapping, NamedTuple, Optional, Pattern, Tuple

TOOLS = r"(?:_(?:harmonized|toar|clip|reproject|bandmath|file_format))*"
"""Suffixes that the tools of an order append to names."""

IDS: Mapping[str, str] = {
    "PSScene": r"\d{8}_\d{6}(?:_\d{1,2})?_[0-9a-z]{4}",
    "PSOrthoTile": r"\d+_\d{7}_\d{4}-\d\d-\d\d_[0-9a-z]{4}",
    "SkySatScene": r"\d{8}_\d{6}_ssc?\d{1,2}d[123]_\d{4}",
    "SkySatCollect": r"\d{8}_\d{6}_ssc?\d{1,2}_u\d{4}",
    "REScene": r"\d{4}-\d\d-\d\dT\d{6}_RE[1-5]",
}
"""Patterns of the ids of item types whose files begin with the id."""

_SKYSAT = r"(?:basic_)?(?:l1a_)?(?:analytic|panchromatic|pansharpened|visual)(?:_dn|_sr)?(?:_udm2?)?"
RESTS: Mapping[str, str] = {
    "PSScene": r"(?P<level>1B|3B)_(?P<rest>Analytic|AnalyticMS|AnalyticMS_8b|AnalyticMS_SR|AnalyticMS_SR_8b|Visual"
    r"|udm2|AnalyticMS_DN_udm)",
    "PSOrthoTile": r"(?P<rest>BGRN_Analytic|BGRN_SR|BGREN_Analytic|RGB_Visual|BGRN_DN_udm|udm2)",
    "SkySatScene": rf"(?P<rest>{_SKYSAT})",
    "SkySatCollect": rf"(?P<rest>{_SKYSAT})",
    "REScene": r"1B_(?P<rest>band[1-5]|udm|Quicklook)",
}
"""Patterns of the names of rasters between the id and the suffixes of tools."""

_ASSETS: Mapping[str, Mapping[str, str]] = {
    "PSScene": {
        "analytic": "analytic_3b",
        "analyticms": "analytic_4b",
        "analyticms_8b": "analytic_8b",
        "analyticms_sr": "analytic_4b_sr",
        "analyticms_sr_8b": "analytic_8b_sr",
        "analyticms_dn_udm": "udm",
    },
    "PSOrthoTile": {
        "bgrn_analytic": "analytic",
        "bgrn_sr": "analytic_sr",
        "bgren_analytic": "analytic_5b",
        "rgb_visual": "visual",
        "bgrn_dn_udm": "udm",
    },
    "REScene": {"udm": "basic_udm", "quicklook": "browse"},
}
_PRODUCTS: Mapping[str, str] = {
    "analytic_4b": "analytic",
    "analytic_4b_sr": "analytic_sr",
    "basic_analytic_4b": "basic_analytic",
    "basic_analytic_4b_sr": "basic_analytic_sr",
}
_SCENE_TYPES: Tuple[Tuple[str, str], ...] = (
    ("PS", "ortho"),
    ("SkySat", "skysat"),
    ("RE", "rapideye"),
    ("Landsat", "landsat"),
    ("Sentinel1", "sentinel1"),
    ("Sentinel2", "sentinel2"),
)
_PROVIDERS: Tuple[Tuple[str, str], ...] = (("PS", "planetscope"), ("SkySat", "skysat"), ("RE", "rapideye"))
_BASIC_XML = r"1B_(?P<part>metadata\.xml|rpc\.xml|sci\.xml)"
_ITEM_TYPES = frozenset(map(str.lower, (*IDS, "PSScene3Band", "PSScene4Band", "REOrthoTile")))
_PARTS = {"metadata.xml": "basic_analytic_xml", "rpc.xml": "basic_analytic_rpc", "sci.xml": "basic_analytic_sci"}
_TAIL = rf"(?P<tools>{TOOLS})(?P<tail>\.tiff?|_metadata(?:_clip)?\.xml|_rpc\.(?:txt|xml))"


class PlanetName(NamedTuple):
    """Item and asset that the name of a file tells.

    Attributes
    ----------
    item_type, item_id : str
        Its item.
    asset : str
        Its asset in the Data API v1; ``metadata`` for the item's own metadata, which is none there.
    """

    item_type: str
    item_id: str
    asset: str


def _patterns() -> Dict[str, Pattern[str]]:
    found = {}
    for item_type, item_id in IDS.items():
        files = [RESTS[item_type] + _TAIL, r"(?P<json>metadata\.json)"]
        if item_type == "REScene":
            files.append(_BASIC_XML)
        found[item_type] = re.compile(rf"(?P<id>{item_id})_(?:{'|'.join(files)})", re.IGNORECASE | re.ASCII)
    return found


_NAMES = _patterns()
LOOSE = re.compile(
    r"\d[^.]*?(?:_[13]b_|_ssc?\d|_bgre?n_|_rgb_|_udm2|_re[1-5]_|_metadata\.json$).*",
    re.IGNORECASE | re.ASCII | re.DOTALL,
)
"""A cheap pattern of the names that `parse_name` may understand."""


def parse_name(name: str) -> Optional[PlanetName]:
    """Return the item and asset of a file by its name, or None if it is no name of a file of an item.

    Parameters
    ----------
    name : str
        Name without folders.
    """
    for item_type, pattern in _NAMES.items():
        match = pattern.fullmatch(name)
        if match:
            return PlanetName(item_type, canonical_id(item_type, match["id"]), _asset(item_type, match.groupdict()))
    return None


def canonical_id(item_type: str, item_id: str) -> str:
    """Return an id in the case in which Planet writes it.

    Parameters
    ----------
    item_type : str
        A key of `IDS`.
    item_id : str
        The id in any case.
    """
    return item_id.upper() if item_type == "REScene" else item_id.lower()


def _asset(item_type: str, found: Mapping[str, Optional[str]]) -> str:
    if found["json"]:
        return "metadata"
    part = found.get("part")
    if part:
        return _PARTS[part.lower()]
    rest, tail = str(found["rest"]).lower(), str(found["tail"]).lower()
    asset = _ASSETS.get(item_type, {}).get(rest, rest)
    if item_type == "PSScene":
        basic = str(found["level"]).lower() == "1b"
        asset = ("basic_" if basic else "") + asset if asset == "udm" else ("basic_" if basic else "ortho_") + asset
    elif item_type.startswith("SkySat"):
        asset = asset if asset.startswith(("basic_", "l1a_")) else f"ortho_{asset}"
    elif rest.startswith("band"):
        asset = f"basic_analytic_b{rest[4:]}"
    if tail.startswith("_metadata"):
        return f"{asset}_xml"
    return f"{asset}_rpc" if tail.startswith("_rpc") else asset


def scene_type_of(item_type: str) -> str:
    """Return the scene type of v0 of an item type.

    Parameters
    ----------
    item_type : str
        Item type of the Data API v1.
    """
    for start, scene_type in _SCENE_TYPES:
        if item_type.startswith(start):
            return scene_type
    return re.sub("[^a-z0-9_-]", "-", item_type.lower())[:32]


def provider_of(item_type: str) -> Optional[str]:
    """Return the provider of an item type as the Data API v1 names it, or None if it is not Planet.

    Parameters
    ----------
    item_type : str
        Item type of the Data API v1.
    """
    return next((provider for start, provider in _PROVIDERS if item_type.startswith(start)), None)


def product_of(item_type: str, asset: str) -> Optional[str]:
    """Return the product of v0 of a raster, or None if it is a preview.

    Parameters
    ----------
    item_type : str
        Item type of the Data API v1.
    asset : str
        Its asset there.
    """
    if asset == "browse":
        return None
    if item_type.startswith("RE"):
        if asset in ("udm", "basic_udm"):
            return "qa"
        if item_type == "REScene" and re.fullmatch("basic_analytic_b[1-5]", asset):
            return f"band_{asset[-1]}"
    name = asset[len("ortho_") :] if asset.startswith("ortho_") else asset
    return _PRODUCTS.get(name, name)


def roles_of(asset: str, is_raster: bool) -> Tuple[str, ...]:
    """Return the STAC roles of an asset.

    Parameters
    ----------
    asset : str
        Its name in the Data API v1.
    is_raster : bool
        Whether it is a raster.
    """
    if not is_raster:
        return ("metadata",)
    if asset == "browse":
        return ("overview",)
    if re.search(r"(?:^|_)udm2?$", asset):
        return "data", "cloud", "cloud-shadow", "snow-ice"
    if "visual" in asset:
        return ("visual",)
    return ("data", "reflectance") if asset.endswith("_sr") else ("data",)


def order_folder(path: str, item_id: str) -> str:
    """Return the folder of the order that a file belongs to, if no manifest tells it.

    Orders have the layout ``<order>/files/<item type>/<item id>/<bundle>/<file>``, of which most may be absent.

    Parameters
    ----------
    path : str
        Path of the file relative to the archive.
    item_id : str
        Its item.
    """
    folders = path.split("/")[:-1]
    for place in reversed(range(len(folders))):
        if folders[place].lower() == item_id.lower():
            del folders[place:]
            break
    for names in (_ITEM_TYPES, {"files"}):
        if folders and folders[-1].lower() in names:
            folders.pop()
    return "/".join(folders)
