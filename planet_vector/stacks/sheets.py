"""Contact sheets and animations of crops."""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import Any, List, Sequence, Tuple

import rasterio
from PIL import Image, ImageDraw, ImageFont
from rasterio.io import DatasetReader

from planet_vector.atomic_files import complete
from planet_vector.errors import QueryError
from planet_vector.raster.pictures import picture_of

_PAPER, _INK = (255, 255, 255), (40, 40, 40)
_GAP = 8  # pixels between pictures

FORMATS = (".gif", ".png")
"""Suffixes of animations."""


def contact_sheet(crops: Sequence[Path], path: Path, width: int = 240) -> None:
    """Draw crops side by side, each with its date and its scene's id.

    Parameters
    ----------
    crops : sequence of Path
        GeoTIFFs as `crop_stack` writes them, in the order of drawing.
    path : Path
        The PNG; an existing file is replaced once the new one is complete.
    width : int
        Greatest width of one picture, pixels.

    Raises
    ------
    QueryError
        If there are no crops.
    """
    drawn = [_picture(crop, width) for crop in _require_crops(crops)]
    cell = (max(picture.width for picture in drawn) + _GAP, max(picture.height for picture in drawn) + _GAP)
    across = min(range(1, len(drawn) + 1), key=lambda columns: _layout_cost(columns, len(drawn), cell))
    down = math.ceil(len(drawn) / across)
    sheet = Image.new("RGB", (across * cell[0] + _GAP, down * cell[1] + _GAP), _PAPER)
    for number, picture in enumerate(drawn):
        sheet.paste(picture, (_GAP + number % across * cell[0], _GAP + number // across * cell[1]))
    with complete(path) as temporary:
        sheet.save(temporary, "PNG", optimize=True)


def animation(crops: Sequence[Path], path: Path, width: int = 480, seconds: float = 0.8) -> None:
    """Draw crops one after another, each with its date.

    Parameters
    ----------
    crops : sequence of Path
        GeoTIFFs as `crop_stack` writes them, in the order of display.
    path : Path
        The GIF or animated PNG, by its suffix; an existing file is replaced once the new one is complete.
    width : int
        Greatest width, pixels.
    seconds : float
        Duration of each picture, seconds.

    Raises
    ------
    QueryError
        If the suffix is another, or there are no crops.
    """
    if path.suffix.lower() not in FORMATS:
        raise QueryError(f"{path.name} is not a file name for an animation: it must end in .gif or .png.")
    first, *others = (_picture(crop, width) for crop in _require_crops(crops))
    frames = [first, *(picture.resize(first.size) for picture in others)]
    with complete(path) as temporary:
        frames[0].save(
            temporary, path.suffix[1:].upper(), save_all=True, append_images=frames[1:],
            duration=round(1000 * seconds), loop=0,
        )  # fmt: skip


def _layout_cost(columns: int, count: int, cell: Tuple[int, int]) -> float:
    """Rate a layout by its empty share, and by the difference of its aspect from that of a page; 0 is best."""
    rows = math.ceil(count / columns)
    return (columns * rows - count) / count + abs(math.log(columns * cell[0] / (rows * cell[1]) / math.sqrt(2)))


def _require_crops(crops: Sequence[Path]) -> Sequence[Path]:
    if not crops:
        raise QueryError("There are no crops to draw.")
    return crops


def _picture(crop: Path, width: int) -> Any:
    """Return a crop as a picture with a line of text under it."""
    with rasterio.open(crop) as dataset:
        image = Image.open(io.BytesIO(picture_of(dataset, width=width))).convert("RGBA")
        lines = _caption(dataset)
    # Small crops are enlarged by a whole factor, so that pixels stay sharp.
    times = max(1, width // image.width)
    image = image.resize((image.width * times, image.height * times), Image.Resampling.NEAREST)
    font: Any = ImageFont.load_default(size=12)
    height = 4 + 15 * len(lines)
    picture = Image.new("RGB", (image.width, image.height + height), _PAPER)
    picture.paste(image, (0, 0), image)
    draw = ImageDraw.Draw(picture)
    for number, line in enumerate(lines):
        draw.text((1, image.height + 2 + 15 * number), line, _INK, font=font)
    return picture


def _caption(dataset: DatasetReader) -> List[str]:
    tags = dataset.tags()
    acquired = tags.get("acquired", "").partition(".")[0].replace("T", " ")[:16]
    return [line for line in (f"{acquired} UTC" if acquired else "", tags.get("id", "")) if line]
