"""Draw mosaics on tiles of a web map, and the miniatures of which small-scale tiles are composed.

A miniature is a scene on the grid of web mercator, at the zoom where it is at most `SIDE` pixels wide and high, and in
successive halves down to zoom 0. It is made once from the scene's files; a thousand are composed in a fraction of a
second. Each pixel records which of its sixteen parts the scene covers: of scenes smaller than a pixel, those side by
side are combined, and those behind others are hidden. These functions run in worker processes.
"""

from __future__ import annotations

import math
import struct
import zlib
from pathlib import Path
from typing import Any, List, NamedTuple, Optional, Sequence, Tuple, Union

import numpy as np
from PIL import Image

from planet_vector.geometry.web_mercator import HALF_WORLD
from planet_vector.server.archive.projecting import MapGrid
from planet_vector.server.http_errors import HttpError
from planet_vector.server.imagery.drawing_results import Drawn, SurveysWanted, Told
from planet_vector.server.imagery.encoding import encode_picture
from planet_vector.server.imagery.reading import Source, open_source
from planet_vector.server.imagery.scene_painting import ASKED, part_of
from planet_vector.server.imagery.surveys import kept
from planet_vector.server.quad_grid import Bounds, tile_bounds

SIDE = 64
"""Maximum width and height of a miniature in pixels."""

TILE = 256
"""Width and height of a tile in pixels."""

_FINE = 4  # parts along each side of a pixel
_BITS = (1 << np.arange(_FINE * _FINE)).reshape(_FINE, _FINE).astype("uint16")
_WHOLE = np.uint16(0xFFFF)
_SHARES = np.array([bin(parts).count("1") / _FINE**2 for parts in range(1 << 16)], "float32")
_HEAD = struct.Struct("<B")
_LEVEL = struct.Struct("<iiHHI")  # first column and row from the world's upper left, width, height, bytes


class MiniatureOrder(NamedTuple):
    """Specification of a miniature.

    Attributes
    ----------
    sources : sequence of Source
        The scene's files.
    zoom : int
        Zoom of its largest level.
    frame : (int, int, int, int)
        First column, first row, column after the last, row after the last at that zoom, in pixels from the world's
        upper left corner.
    path : Path
        Its path in the cache.
    """

    sources: Sequence[Source]
    zoom: int
    frame: Tuple[int, int, int, int]
    path: Path


class Piece(NamedTuple):
    """Scene on a mosaic's tile; drawn from its miniature, if it has one at this scale."""

    sources: Sequence[Source]
    miniature: Optional[Path]

    @property
    def kept(self) -> List[Path]:
        """Paths of the surveys or the miniature that it may be drawn from."""
        return [source.survey for source in self.sources] if self.miniature is None else [self.miniature]


def pixel_of(zoom: int) -> float:
    """Return the width of a pixel in metres of web mercator.

    Parameters
    ----------
    zoom : int
        Zoom of the tiles.
    """
    return 2 * HALF_WORLD / TILE / float(2**zoom)


def place_miniature(bounds: Bounds, deepest: int) -> Optional[Tuple[int, Tuple[int, int, int, int]]]:
    """Return the zoom and the frame of a scene's miniature, or None if the scene exceeds `SIDE` even at zoom 0.

    Parameters
    ----------
    bounds : (west, south, east, north)
        Bounds of the scene, in metres of web mercator.
    deepest : int
        The largest zoom.

    Returns
    -------
    (int, (int, int, int, int)) or None
        Zoom and frame of a `MiniatureOrder`.
    """
    west, south, east, north = bounds
    side = max(east - west, north - south)
    if side > SIDE * pixel_of(0):
        return None
    zoom = deepest if side <= SIDE * pixel_of(deepest) else int(math.log2(SIDE * pixel_of(0) / side))
    pixel, last = pixel_of(zoom), TILE * 2**zoom
    left, right = (west + HALF_WORLD) / pixel, (east + HALF_WORLD) / pixel
    top, bottom = (HALF_WORLD - north) / pixel, (HALF_WORLD - south) / pixel
    # With a margin of one pixel, as footprints are simplified.
    return zoom, (
        max(0, math.floor(left) - 1), max(0, math.floor(top) - 1),
        min(last, math.ceil(right) + 1), min(last, math.ceil(bottom) + 1),
    )  # fmt: skip


def make_miniatures(orders: Sequence[MiniatureOrder]) -> List[Union[bytes, HttpError]]:
    """Return miniatures of scenes, or for each the reason why it cannot be made.

    Parameters
    ----------
    orders : sequence of MiniatureOrder
        Specifications of the miniatures.
    """
    made: List[Union[bytes, HttpError]] = []
    for order in orders:
        try:
            made.append(_miniature(order))
        except HttpError as refusal:
            made.append(refusal)
    return made


def draw_mosaic(pieces: Sequence[Piece], z: int, x: int, y: int) -> Union[bytes, Drawn, SurveysWanted]:
    """Return a tile of a mosaic as PNG; scenes that cannot be drawn are left out.

    Parameters
    ----------
    pieces : sequence of Piece
        The scenes, those in front first.
    z, x, y : int
        Zoom, column and row of the tile, with rows counted from the top.

    Returns
    -------
    bytes, Drawn or SurveysWanted
        The picture, or the files that must be surveyed first: none of them if a miniature was evicted meanwhile.
    """
    grid = MapGrid(tile_bounds(z, x, y), TILE, TILE)
    colours, open_ = np.zeros((TILE, TILE, 3), "float32"), np.full((TILE, TILE), _WHOLE)
    told = Told()
    for piece in pieces:
        if len(told.missing) >= ASKED or not open_.any():
            break
        try:
            if piece.miniature is None:
                found = part_of(piece.sources, grid, open_ == 0, told)
            else:
                found = _of_miniature(piece.miniature, z, x * TILE, y * TILE)
        except FileNotFoundError:
            return SurveysWanted([])  # the miniature was evicted meanwhile
        except HttpError:
            continue
        if found is not None:
            (rows, columns), scene, covered = found
            parts = open_[rows, columns] & (covered if covered.dtype != bool else np.where(covered, _WHOLE, 0))
            colours[rows, columns] += scene.transpose(1, 2, 0) * _SHARES[parts][..., np.newaxis]
            open_[rows, columns] &= ~parts
    if told.missing:
        return SurveysWanted(list(told.missing.values()))
    return told.drawn(encode_picture(_image(colours, _SHARES[~open_]), "png"))


def transparent_tile() -> bytes:
    """Return an empty tile as PNG."""
    return encode_picture(Image.new("RGBA", (TILE, TILE)), "png")


def _image(colours: np.ndarray, covered: np.ndarray) -> Image.Image:
    """Return premultiplied colours, and their coverage as alpha, as an RGBA picture."""
    straight = colours / np.maximum(covered, 1e-6)[..., np.newaxis]
    whole = np.concatenate([straight, covered[..., np.newaxis] * 255], axis=2)
    return Image.fromarray(np.clip(whole + 0.5, 0, 255).astype("uint8"))


def _of_miniature(path: Path, z: int, left: int, top: int) -> Optional[Tuple[Tuple[slice, slice], Any, Any]]:
    """Return the rows and columns of a tile that a miniature covers, its colours, and its covered parts as bits."""
    content = kept(path)
    zoom = content[0]
    levels = [_LEVEL.unpack_from(content, _HEAD.size + n * _LEVEL.size) for n in range(zoom + 1)]
    start = _HEAD.size + (zoom + 1) * _LEVEL.size + sum(level[4] for level in levels[: zoom - z])
    first_column, first_row, width, height, length = levels[zoom - z]
    columns = slice(max(0, first_column - left), min(TILE, first_column - left + width))
    rows = slice(max(0, first_row - top), min(TILE, first_row - top + height))
    if columns.start >= columns.stop or rows.start >= rows.stop:
        return None
    stored = zlib.decompress(content[start : start + length])
    covered = np.frombuffer(stored, "<u2", height * width).reshape(height, width)
    colours = np.frombuffer(stored, "u1", offset=2 * height * width).reshape(3, height, width)
    across, down = left - first_column, top - first_row
    part = slice(rows.start + down, rows.stop + down), slice(columns.start + across, columns.stop + across)
    return (rows, columns), colours[:, part[0], part[1]], covered[part]


def _miniature(order: MiniatureOrder) -> bytes:
    left, top, right, bottom = order.frame
    shape, pixel = (bottom - top, right - left), pixel_of(order.zoom)
    west, north = left * pixel - HALF_WORLD, HALF_WORLD - top * pixel
    bounds = (west, north - shape[0] * pixel, west + shape[1] * pixel, north)
    with open_source(order.sources[0]) as raster:
        picked = raster.palette is not None
    fine = np.zeros((shape[0] * _FINE, shape[1] * _FINE, 4), "float32")  # premultiplied colours and alpha
    found = part_of(order.sources, MapGrid(bounds, fine.shape[1], fine.shape[0]), fine[..., 3] > 0, None)
    if found is not None:
        fine[found[0]] = (np.concatenate([found[1], np.ones((1, *found[2].shape), "u1")]) * found[2]).transpose(1, 2, 0)
    level, parts = _shrunk(fine, _FINE, picked), fine[..., 3] > 0
    heads, blobs = [], []
    for zoom in range(order.zoom, -1, -1):
        height, width = level.shape[:2]
        bits = parts.reshape(height, _FINE, width, _FINE) * _BITS[:, np.newaxis]
        straight = level[..., :3] / np.maximum(level[..., 3:], 1e-9)
        stored = (
            bits.sum(axis=(1, 3)).astype("<u2").tobytes() + np.round(straight).astype("u1").transpose(2, 0, 1).tobytes()
        )
        blobs.append(zlib.compress(stored, 3))
        heads.append(_LEVEL.pack(left, top, width, height, len(blobs[-1])))
        if zoom:
            # Pixels of the next zoom start at even pixels of this one.
            around = ((top % 2, (top + height) % 2), (left % 2, (left + width) % 2))
            level = _shrunk(np.pad(level, (*around, (0, 0))), 2, picked)
            parts = np.pad(parts, [(_FINE * before, _FINE * after) for before, after in around])
            # A part counts as covered if any of it is, so that scenes side by side leave no gaps.
            parts = parts[::2, ::2] | parts[1::2, ::2] | parts[::2, 1::2] | parts[1::2, 1::2]
            left, top = left // 2, top // 2
    return _HEAD.pack(order.zoom) + b"".join(heads) + b"".join(blobs)


def _shrunk(level: np.ndarray, factor: int, picked: bool) -> np.ndarray:
    """Return means of squares of pixels, or one of the colours of each square if they are picked (palettes)."""
    parts = np.stack([level[j::factor, i::factor] for j in range(factor) for i in range(factor)])
    mean = np.asarray(parts.mean(axis=0))
    if picked:
        best = parts[..., 3].argmax(axis=0)[np.newaxis, ..., np.newaxis]
        chosen = np.take_along_axis(parts, best, axis=0)[0]
        mean[..., :3] = chosen[..., :3] * (mean[..., 3] / np.maximum(chosen[..., 3], 1e-9))[..., np.newaxis]
    return mean
