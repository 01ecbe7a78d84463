"""Draw a picture of a search and its pixels: a scene, a window of it, and the same ground on other days.

``NAME`` in the environment is the search; all data is read over HTTP by PLANET: names.
"""

from __future__ import annotations

import os
import sys
from typing import Any, Dict, List, Tuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from rasterio.enums import Resampling
from rasterio.transform import from_bounds
from rasterio.vrt import WarpedVRT
from rasterio.warp import transform_bounds
from rasterio.windows import Window
from rasterio.windows import bounds as window_bounds
from shapely.geometry import box

import planet_vector
from planet_vector.scene import Scene

INK, PAPER, MARK = (232, 230, 222), (22, 26, 30), (255, 208, 64)
GAP, WHOLE, SIDE = 24, 760, 420  # pixels in the picture
GROUND = 0.3  # width and height of the window, as a share of the scene's width
MOST_DAYS = 6


def main(path: str) -> None:
    """Draw the picture.

    Parameters
    ----------
    path : str
        The file to write.
    """
    scenes = sorted(planet_vector.search(os.environ["NAME"]), key=lambda scene: (scene.cloud_cover or 0, scene.id))
    scene = scenes[0]
    with planet_vector.open(f"PLANET:ortho/{scene.id}/visual") as source:
        ground = round(GROUND * source.width)
        window = Window((source.width - ground) // 2, (source.height - ground) // 2, ground, ground)
        scale = WHOLE / source.width
        whole = source.read(out_shape=(4, round(source.height * scale), WHOLE), resampling=Resampling.average)
        closer = source.read(window=window, out_shape=(4, SIDE, SIDE), resampling=Resampling.nearest)
        grid = {"crs": source.crs, "bounds": window_bounds(window, source.transform)}
        facts = [
            f"{scene.acquired:%d %B %Y, %H:%M} UTC, {scene.cloud_cover:.1f} % cloud",
            f"{source.width} x {source.height} pixels, {source.crs}",
            f"the window: {ground} x {ground} pixels",
            f"one of {len(scenes)} scenes of the search",
            *(f"    {part}" for part in os.environ["NAME"].partition("?")[2].split("&")),
        ]
    days = same_ground(scenes, grid)[:MOST_DAYS]

    left, top = 2 * GAP + WHOLE, 3 * GAP + 28
    width = left + SIDE + GAP
    below = top + max(whole.shape[1], SIDE + GAP + 25 * len(facts)) + GAP
    small = (width - GAP) // len(days) - GAP
    page = Image.new("RGB", (width, below + small + 2 * GAP + 8), PAPER)
    draw = ImageDraw.Draw(page)
    draw.text((GAP, GAP), f"PLANET:ortho/{scene.id}/visual", INK, font(28))
    paste(page, whole, (GAP, top))
    corner = [GAP + window.col_off * scale, top + window.row_off * scale]
    draw.rectangle([*corner, corner[0] + ground * scale, corner[1] + ground * scale], outline=MARK, width=3)
    paste(page, closer, (left, top))
    draw.rectangle([left, top, left + SIDE, top + SIDE], outline=MARK, width=3)
    draw.multiline_text((left, top + SIDE + GAP), "\n".join(facts), INK, font(18), spacing=7)
    for number, other in enumerate(days):
        left = GAP + number * (small + GAP)
        paste(page, on_grid(other, grid, small), (left, below))
        draw.text((left, below + small + 8), f"{other.acquired:%d %B}", INK, font(18))
    page.save(path)
    print(f"{path}: {page.width} x {page.height}")


def same_ground(scenes: List[Scene], grid: Dict[str, Any]) -> List[Scene]:
    """Return one scene per day whose footprint contains the whole grid, in order of time.

    Parameters
    ----------
    scenes : list of Scene
        The scenes.
    grid : dict
        Profile of the window: coordinate system, transform, width and height.
    """
    ground = box(*transform_bounds(grid["crs"], "EPSG:4326", *grid["bounds"]))
    days = {scene.acquired.date(): scene for scene in scenes if scene.footprint.contains(ground)}
    return [days[day] for day in sorted(days)]


def on_grid(scene: Scene, grid: Dict[str, Any], size: int) -> np.ndarray:
    """Return the pixels of a scene on the grid, whatever the scene's UTM zone.

    Parameters
    ----------
    scene : Scene
        The scene.
    grid : dict
        Profile of the window: coordinate system, transform, width and height.
    size : int
        Width and height of the result in pixels.

    Returns
    -------
    array, shape (4, size, size)
        Red, green, blue and alpha.
    """
    shape = {"transform": from_bounds(*grid["bounds"], size, size), "width": size, "height": size}
    with planet_vector.open(f"PLANET:ortho/{scene.id}/visual") as source:
        with WarpedVRT(source, crs=grid["crs"], resampling=Resampling.bilinear, **shape) as warped:
            return warped.read()


def paste(page: Image.Image, pixels: np.ndarray, place: Tuple[int, int]) -> None:
    """Paste pixels onto the page.

    Parameters
    ----------
    page : Image
        The page.
    pixels : array, shape (4, rows, columns)
        Red, green, blue and alpha.
    place : (int, int)
        Column and row of the upper left corner.
    """
    picture = Image.fromarray(np.moveaxis(pixels, 0, -1), "RGBA")
    page.paste(picture, place, picture)


def font(size: int) -> Any:
    """Return Pillow's own font.

    Parameters
    ----------
    size : int
        Size in pixels.
    """
    return ImageFont.load_default(size)


if __name__ == "__main__":
    main(sys.argv[1])
