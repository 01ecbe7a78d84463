"""Files of scenes: the link of a product, and that of the mask that hides some of its pixels."""

from __future__ import annotations

from dataclasses import replace
from typing import Dict, FrozenSet, Iterable, NamedTuple, Optional, Sequence, Tuple, Union

from planet_vector.assets import Asset
from planet_vector.bands.masks import parse_mask, shown_values
from planet_vector.catalog import Catalog
from planet_vector.errors import NotFoundError, QueryError, RasterAccessError
from planet_vector.pixels.header import RasterHeader
from planet_vector.progress import Progress
from planet_vector.raster.activation import activate
from planet_vector.raster.file_vrts import clear_pixels
from planet_vector.raster.headers import header_of
from planet_vector.raster.placed import north_up
from planet_vector.raster.source_names import source_name
from planet_vector.raster.sources import Sources
from planet_vector.scene import Scene

_TYPES = ("uint8", "uint16")


class MaskFile(NamedTuple):
    """Mask of a product.

    Attributes
    ----------
    link : str
        Its link, checked.
    title : str
        Its name in error messages.
    asset : str
        The name of the asset.
    shown : tuple of (int, frozenset of int)
        Bands of the mask and the values that they show, as `planet_vector.bands.masks.shown_values` returns them.
    bits : int
        The bits of a pixel that are compared with these values; 0 for its whole value.
    """

    link: str
    title: str
    asset: str
    shown: Tuple[Tuple[int, FrozenSet[int]], ...]
    bits: int = 0


class SceneFile(NamedTuple):
    """Product of a scene.

    Attributes
    ----------
    link : str
        Its link, checked.
    title : str
        Its name in error messages.
    asset : Asset
        The asset.
    mask : MaskFile or None
        The mask that hides pixels; None if none are to be hidden.
    product : str
        The name by which it was asked for.
    number : int or None
        The band, counted from 1; None for all bands.
    """

    link: str
    title: str
    asset: Asset
    mask: Optional[MaskFile] = None
    product: str = ""
    number: Optional[int] = None


def scene_file(catalog: Catalog, scene: Scene, product: str, mask: Optional[str] = None) -> SceneFile:
    """Return the files to read for a product of a scene.

    Parameters
    ----------
    catalog : Catalog
        The service.
    scene : Scene
        The scene.
    product : str
        The name of the product.
    mask : str, optional
        Pixels to hide, as `planet_vector.bands.masks.parse_mask` takes it; by default nothing.

    Returns
    -------
    SceneFile
        The file, and that of the mask.

    Raises
    ------
    NotFoundError
        If the scene lacks the product, or the asset that masks it.
    QueryError
        If the mask does not tell what to hide.
    RasterAccessError
        If one cannot be opened as a raster.
    """
    return _file_of(catalog, scene, product, scene.asset(product), None, mask)


def band_file(catalog: Catalog, scene: Scene, product: str, mask: Optional[str] = None) -> SceneFile:
    """Return the files to read for a product of a scene, or for a band of one, as `planet_vector.scene.Scene.band`.

    Parameters
    ----------
    catalog, scene, product, mask
        As for `scene_file`.

    Returns
    -------
    SceneFile
        The file, and that of the mask.

    Raises
    ------
    NotFoundError
        If the scene lacks the product, or the asset that masks it.
    QueryError
        If the mask does not tell what to hide.
    RasterAccessError
        If one cannot be opened as a raster.
    """
    asset, number = scene.band(product)
    return _file_of(catalog, scene, product, asset, number, mask)


def _file_of(
    catalog: Catalog, scene: Scene, product: str, asset: Asset, number: Optional[int], mask: Optional[str]
) -> SceneFile:
    link, title = catalog.transport.check_link(scene.link_to(asset)), f"{scene.id}/{product}"
    if mask is None:
        return SceneFile(link, title, asset, None, product, number)
    words = parse_mask(mask)
    if asset.mask is None:
        raise NotFoundError(f"{title} has no mask of usable pixels: leave out the mask, or take another product.")
    name = asset.mask.asset
    try:
        there = catalog.transport.check_link(scene.product_link(name))
        shown = shown_values(asset.mask.classes, words)
    except NotFoundError as error:
        raise NotFoundError(f"{title} cannot be masked, as its mask is {name!r}: {error}") from None
    except QueryError as error:
        raise QueryError(f"{title}: {error}") from None
    found = MaskFile(there, f"{scene.id}/{name}", name, tuple(sorted(shown.items())), asset.mask.classes.bits)
    return SceneFile(link, title, asset, found, product, number)


def activate_files(
    catalog: Catalog, files: Iterable[Tuple[Scene, SceneFile]], progress: Union[bool, Progress] = None
) -> None:
    """Activate files and their masks, at a service that makes files available on request, and wait.

    Parameters
    ----------
    catalog : Catalog
        The service.
    files : iterable of (Scene, SceneFile)
        The files, with their scenes.
    progress : bool or callable, optional
        A callback is called with the number of active files and of all.

    Raises
    ------
    NotFoundError
        If the service lacks a file.
    RasterAccessError
        If some files are not active after an hour.
    ServiceError
        If a request fails.
    """
    wanted = []
    for scene, file in files:
        wanted.append((scene, file.asset.name))
        if file.mask is not None:
            wanted.append((scene, file.mask.asset))
    activate(catalog, wanted, progress=progress if callable(progress) else None)


def open_sources(catalog: Catalog, files: Sequence[SceneFile]) -> Sources:
    """Return the sources of files and their masks, and start to fetch their headers, those of the last file first.

    If there are more files than connections, the headers of the last file and of its mask come before all others, so
    that the lengths of the others can be guessed. The headers of a hundred scenes are megabytes otherwise.

    Parameters
    ----------
    catalog : Catalog
        The service.
    files : sequence of SceneFile
        The files.
    """
    titles: Dict[str, str] = {}
    for file in files[::-1]:
        titles[file.link] = file.title
        if file.mask is not None:
            titles[file.mask.link] = file.mask.title
    sources = Sources(catalog, titles, {file.link: file.asset for file in files})
    like: Dict[str, str] = {}
    if len(titles) > catalog.settings.connections:
        for file in files[:-1]:
            like[file.link] = files[-1].link
            if file.mask is not None and files[-1].mask is not None:
                like[file.mask.link] = files[-1].mask.link
    sources.fetch_headers(list(titles), like)
    return sources


def masked(
    sources: Sources, file: SceneFile, header: RasterHeader, own: Optional[str]
) -> Tuple[RasterHeader, Optional[str]]:
    """Return the header of a file and the GDAL name of its mask, once pixels are hidden.

    Parameters
    ----------
    sources : Sources
        The sources, with both files.
    file : SceneFile
        The file.
    header : RasterHeader
        Its header.
    own : str or None
        GDAL name of the mask in the file itself, if it has one.

    Returns
    -------
    (RasterHeader, str or None)
        Unchanged if nothing is to be hidden.

    Raises
    ------
    ServiceError
        If the service does not provide the mask.
    RasterAccessError
        If the mask cannot be read, or is not one of the product.
    """
    mask = file.mask
    if mask is None:
        return header, own
    with sources.open(mask.link) as dataset:
        north_up(dataset)
        its = header_of(dataset)
    check_mask(mask, its)
    if its.crs != header.crs:
        raise RasterAccessError(f"{mask.title} has another coordinate system than {file.title}: leave out the mask.")
    hidden = clear_pixels(source_name(file.link), header, own, source_name(mask.link), its, mask.shown, mask.bits)
    return replace(header, masked=True), hidden


def check_mask(mask: MaskFile, header: RasterHeader) -> None:
    """Raise an error if a file cannot be a mask of its kind.

    Parameters
    ----------
    mask : MaskFile
        The mask.
    header : RasterHeader
        Header of its file.

    Raises
    ------
    RasterAccessError
        If it lacks bands, or its pixels are not of 8 or 16 unsigned bits.
    """
    if len(header.bands) < mask.shown[-1][0] or not set(header.dtypes) <= set(_TYPES):
        told = f"{len(header.bands)} bands of {', '.join(sorted(set(header.dtypes)))}"
        raise RasterAccessError(f"{mask.title} has {told}, which is not a mask of usable pixels: leave out the mask.")
