"""Paint the sample's landscape: relief, fields, woods, settlements, roads and water, in this order.

Every feature is a function of position and seed only. A painted pixel contains the composition of its ground, as shares
of the materials of `planet_vector.server.sample.spectra`; its colour depends on the day and the sensor.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import List, Tuple

import numpy as np
import numpy.typing as npt

from planet_vector.server.sample.noise import Floats, cell_points, hashed, uniform
from planet_vector.server.sample.spectra import MATERIALS
from planet_vector.server.sample.terrain_canvas import Canvas

LAYERS = len(MATERIALS) + 4
"""Bytes of a painted pixel: the share of each material, tone, eastward and northward slope, and one unused, for a total
of sixteen."""

TONE, SLOPE_EAST, SLOPE_NORTH = range(len(MATERIALS), len(MATERIALS) + 3)

_SETTLEMENTS = 2300.0  # metres between villages
_TOWN = (-1, 0)  # lattice square of the settlement that is a town


@dataclass
class LandscapePainter(Canvas):
    """Painter of one small rectangle, from background to foreground.

    Attributes
    ----------
    island : bool
        Whether it is an island in the sea instead of a valley with a lake.
    """

    island: bool = False

    def painted(self) -> npt.NDArray[np.uint8]:
        """Return the painted layers of the rectangle, shape (rows, columns, LAYERS)."""
        self.relief()
        self.fields()
        self.woods()
        self.settlements()
        self.roads()
        self.water(*self.undistorted)
        return self.bytes()

    # The features, in the order in which they are painted.

    def relief(self) -> None:
        """Compute the relief: hills, and a valley floor along the river; `height` is in metres."""
        hills = self.rough(5200, 60, 10, 0.46)
        x, y = self.xs[None, :].astype(np.float32), self.ys[:, None].astype(np.float32)
        river = x + 0.18 * y + 900 + 620 * self.noise(3100, 20) + 210 * self.noise(1100, 21)
        self.river = river
        valley = np.exp(-((river / 1100) ** 2))
        upland = np.clip((np.hypot(x + 0.2 * y, 0 * y) - 1800) / 5000, 0, 1.4)
        self.upland = upland + 0.25 * self.noise(2600, 11)
        self.height = (110 + 260 * np.clip(self.upland, 0, 2)) * hills * (1 - 0.8 * valley)
        self.canopy = np.zeros_like(self.height)

    def fields(self) -> None:
        """Divide the open land into blocks, the blocks into strips, the strips into parcels."""
        block = self.cells(620, 30)
        key = block.key
        angle = uniform(key, 1) * math.pi * 0.5 + 0.5 * self.noise(6000, 31)
        c, s = np.cos(angle), np.sin(angle)
        u, v = c * block.dx + s * block.dy, c * block.dy - s * block.dx
        width = 45 + 110 * uniform(key, 2) ** 2
        strip = np.floor(u / width)
        length = width * (1.5 + 2.6 * uniform(hashed(strip, key.view(np.int32), 5), 1))
        start = v + length * uniform(hashed(strip, key.view(np.int32), 6))
        parcel = np.floor(start / length)
        name = hashed(strip * 131 + parcel, key.view(np.int32), 9)
        to_strip = np.minimum(u - strip * width, (strip + 1) * width - u)
        to_parcel = np.minimum(to_strip, np.minimum(start - parcel * length, (parcel + 1) * length - start))
        kind = uniform(name, 1)
        wet = self.noise(1700, 32) - 0.25 * np.clip(self.upland, 0, 1)
        kind = np.clip(kind + 0.22 * wet, 0, 0.999)
        shade = 0.84 + 0.32 * uniform(name, 2)
        mottle = self.rough(220, 12, 33, 0.72)
        thin = np.clip(0.06 + 0.24 * uniform(name, 3) + 0.08 * mottle, 0, 0.8)  # bare soil between the plants
        one = np.ones_like(kind)
        bounds = (0.0, 0.34, 0.44, 0.66, 0.74, 1.0)
        crops = ("cereal", "rape", "maize", "soil", "meadow")
        bare = (0.6, 0.3, 1.2, 1.0, 0.15)
        for crop, low, high, open_soil in zip(crops, bounds, bounds[1:], bare):
            mask = ((kind >= low) & (kind < high)).astype(np.float32)
            soil = np.clip(thin * open_soil, 0, 1)
            self.lay(mask, shade, **({"soil": one} if crop == "soil" else {crop: 1 - soil, "soil": soil}))
        # Tramlines along the strips, if the pixels are fine enough to show them.
        if self.step <= 4:
            self.tone *= 1 + 0.035 * np.sin(u * (2 * math.pi / 15)) * (kind < 0.74)
        self.tone *= 1 + 0.075 * mottle
        self.lay(self.edge(2.2 - to_parcel) * 0.7, 0.92, meadow=0.8, soil=0.2)
        # Farm tracks run between the blocks, and hedges along some of them.
        self.track = block.border
        hedged = uniform(key, 5) < 0.35
        gaps = self.noise(70, 34) > -0.35
        hedge = self.edge(4.5 - np.abs(block.border - 8)) * (hedged & gaps)
        self.lay(hedge, 0.8 + 0.3 * self.noise(14, 35), broadleaf=0.85, meadow=0.15)
        self.canopy += 5 * hedge
        self.lay(self.edge(2.4 - block.border) * 0.85, 1.15, soil=0.75, bright=0.25)
        self.block = key
        self.trees(34, 0.16, (kind >= 0.74).astype(np.float32))

    def trees(self, spacing: float, share: float, where: Floats) -> None:
        """Paint single trees in some squares of a lattice.

        Parameters
        ----------
        spacing : float
            Side of a square, metres.
        share : float
            Share of the squares that have a tree, from 0 to 1.
        where : array of float, shape (rows, columns)
            Opacity from 0 to 1.
        """
        if self.step > 7:
            return
        cx, cy = np.floor(self.x / spacing), np.floor(self.y / spacing)
        h = hashed(cx, cy, self.seed + 77)
        radius = 3.0 + 4.0 * uniform(h, 1)
        px = (cx + 0.5 + 0.5 * (uniform(h, 2) - 0.5)) * spacing
        py = (cy + 0.5 + 0.5 * (uniform(h, 3) - 0.5)) * spacing
        crown = self.edge(radius - np.hypot(self.x - px, self.y - py)) * (uniform(h, 4) < share) * where
        self.lay(crown, 0.85, broadleaf=1.0)
        self.canopy += 5 * crown

    def woods(self) -> None:
        """Paint forest on steep ground, and on some blocks."""
        whim = uniform(self.block, 7)
        f = self.rough(2600, 90, 40, 0.5) + 0.9 * np.clip(self.upland, -0.3, 1.2)
        f += 0.85 if self.island else -0.62
        f += 0.75 * (whim - 0.5)
        if not self.island:
            along = np.exp(-np.square((np.abs(self.river) - 60) / 60))  # the banks
            f += 0.5 * along * (self.noise(400, 43) > -0.1)
        inside = self.edge(self.distance(f * 220), 5)
        crowns = self.noise(16, 41) + 0.8 * self.noise(9.5, 42)
        stands = np.clip(0.5 + 1.3 * self.rough(900, 150, 44) + 0.9 * (uniform(self.block, 8) - 0.5), 0, 1)
        stands = np.clip(stands * 3 - 1 + 0.5 * self.noise(24, 45), 0, 1)
        age = 0.86 + 0.28 * uniform(self.block, 9)
        self.lay(inside, age * (1 + 0.26 * crowns), conifer=stands, broadleaf=1 - stands)
        clearing = inside * self.edge(self.distance((self.noise(700, 46) - 1.05) * 200), 6)
        self.lay(clearing, 1.0, meadow=0.6, soil=0.25, broadleaf=0.15)
        self.forest = inside - clearing
        self.canopy = np.maximum(self.canopy, self.forest * (9 + 1.6 * crowns))

    def settlements(self) -> None:
        """Paint villages and a town: streets, lots, roofs, gardens, and industry at the edge."""
        place = self.cells(_SETTLEMENTS, 50, 0.55, borders=False)
        key = place.key
        town = (place.ix == _TOWN[0]) & (place.iy == _TOWN[1]) & (not self.island)
        radius = np.where(town, np.float32(1150), 150 + 300 * uniform(key, 1))
        away = np.hypot(place.dx, place.dy)
        density = 1 - away / radius + 0.42 * self.noise(420, 51) + 0.25 * self.noise(140, 52)
        if not self.island:
            density = np.minimum(density, (np.abs(self.river) - 85) / 90)  # no buildings on the flood plain
        if not bool((density > -0.2).any()):
            return
        angle = uniform(key, 2) * math.pi * 0.5 + 0.25 * self.noise(1500, 53)
        c, s = np.cos(angle), np.sin(angle)
        u = c * place.dx + s * place.dy + 16 * self.noise(190, 57)
        v = c * place.dy - s * place.dx + 16 * self.noise(190, 58)
        built = self.edge(density * 120, 14)
        quarter = hashed(np.floor(u / 260), np.floor(v / 230), 54 + self.seed)
        works = town & (uniform(quarter, 1) < 0.24) & (density < 0.75) & (density > 0.05)
        long_side = np.where(works, 130.0, 66 + 44 * np.floor(2 * uniform(quarter, 2)))
        short_side = np.where(works, 115.0, 52.0)
        us, vs = u % long_side, v % short_side
        to_street = np.minimum(np.minimum(us, long_side - us), np.minimum(vs, short_side - vs))
        self.lay(built, 0.95 + 0.2 * self.noise(30, 55), meadow=0.52, broadleaf=0.26, soil=0.12, asphalt=0.10)
        self.trees(17, 0.5, built)
        self.lay(built * works, 1.0, asphalt=0.75, soil=0.25)
        lot_u = np.where(works, 65.0, long_side / np.round(long_side / 22))
        lot_v = np.where(works, 57.5, 26.0)
        iu, iv = np.floor(u / lot_u), np.floor(v / lot_v)
        lot = hashed(iu, iv, 56 + self.seed)
        core = np.clip(density * 1.6 - 0.35, 0, 1) * town
        half_u = np.minimum(lot_u * (0.21 + 0.10 * uniform(lot, 1) + 0.13 * core + 0.10 * works), lot_u / 2 - 1)
        half_v = np.minimum(lot_v * (0.17 + 0.08 * uniform(lot, 2) + 0.15 * core + 0.12 * works), lot_v / 2 - 1)
        off_u, off_v = u - (iu + 0.5) * lot_u, v - (iv + 0.5) * lot_v
        roof = self.edge(np.minimum(half_u - np.abs(off_u), half_v - np.abs(off_v)))
        stands = uniform(lot, 3) < np.clip(0.62 + 0.5 * density, 0, 0.97)
        roof = roof * stands * (built > 0.5) * (to_street > 4)
        colour = uniform(lot, 4) + 0.55 * works
        pitch = 1 + 0.13 * np.sign(off_v) * ~works  # the two sides of a gable roof
        shade = (0.72 + 0.42 * uniform(lot, 5)) * pitch
        red, grey = (colour < 0.60).astype(np.float32), ((colour >= 0.60) & (colour < 0.92)).astype(np.float32)
        self.lay(roof, shade, tile=red, asphalt=grey * 0.85, bright=grey * 0.15 + (1 - red - grey))
        self.canopy += roof * np.where(works, 3.0, 2.0)
        street = self.edge(2.9 - to_street) * self.edge(density * 120 + 2, 6)
        self.lay(street * np.clip(0.8 + 0.3 * self.noise(40, 59), 0, 1), 0.92, asphalt=1.0)
        self.forest = self.forest * (1 - built)

    def roads(self) -> None:
        """Paint roads between the settlements, and a motorway."""
        seed = self.seed * 7919 + 50
        low = [int(np.floor(a.min() / _SETTLEMENTS)) - 2 for a in (self.x, self.y)]
        high = [int(np.floor(a.max() / _SETTLEMENTS)) + 2 for a in (self.x, self.y)]
        ix, iy = np.meshgrid(np.arange(low[0], high[0] + 2), np.arange(low[1], high[1] + 2))
        px, py = cell_points(ix, iy, _SETTLEMENTS, seed, 0.55)
        reach = 110  # metres: a road's swing and half its width
        box = (self.x.min() - reach, self.x.max() + reach, self.y.min() - reach, self.y.max() + reach)
        nearest = np.full_like(self.x, np.inf)
        for a, b in _links(ix, iy, seed):
            ends = (px.flat[a], py.flat[a], px.flat[b], py.flat[b])
            if max(ends[0], ends[2]) < box[0] or min(ends[0], ends[2]) > box[1]:
                continue
            if max(ends[1], ends[3]) < box[2] or min(ends[1], ends[3]) > box[3]:
                continue
            dx, dy = ends[2] - ends[0], ends[3] - ends[1]
            t = np.clip(((self.x - ends[0]) * dx + (self.y - ends[1]) * dy) / (dx * dx + dy * dy), 0, 1)
            # A road is not straight: it swings out between its ends.
            swing = np.sin(t * math.pi) * 90 * math.sin(float(ends[0] + ends[3]))
            length = math.hypot(dx, dy)
            off_x, off_y = self.x - ends[0] - t * dx, self.y - ends[1] - t * dy
            off_x, off_y = off_x + swing * dy / length, off_y - swing * dx / length
            nearest = np.minimum(nearest, np.hypot(off_x, off_y))
        self.lay(self.edge(8.5 - nearest) * 0.8, 1.0, meadow=0.85, soil=0.15)
        self.road = self.edge(4.2 - nearest)
        self.lay(self.road, 1.05, asphalt=0.85, bright=0.15)
        self.canopy *= 1 - self.edge(8.5 - nearest)
        if not self.island:
            line = self.distance(self.y - 0.28 * self.x + 3350 + 420 * self.noise(5200, 60))
            self.lay(self.edge(23 - np.abs(line)), 1.0, meadow=0.9, soil=0.1)
            lanes = self.edge(6.5 - np.abs(np.abs(line) - 9.5))
            self.lay(lanes, 1.15, asphalt=0.75, bright=0.25)
            self.canopy *= 1 - self.edge(24 - np.abs(line))
            self.road = np.maximum(self.road, lanes)

    def water(self, x: Floats, y: Floats) -> None:
        """Paint the river and the lake, or the sea around the island.

        Parameters
        ----------
        x, y : array of float, shape (rows, columns)
            Undistorted positions, metres.
        """
        ripple = 1 + 0.05 * self.noise(900, 70) + 0.03 * self.noise(160, 71)
        if self.island:
            f = 1 - np.hypot(x / 1750, y / 1450) + 0.55 * self.noise(1500, 72) + 0.22 * self.rough(420, 30, 73)
            shore = self.distance(f * 1000)
            # Far from the shore a simpler measure is used, as the distance to a rough line has seams.
            off = np.hypot(x / 1.75, y / 1.45) - 1000 - 550 * self.noise(1500, 72) - 60 * self.noise(420, 75)
            coral = 1 + 0.30 * self.rough(260, 10, 74, 0.62)
            lagoon = np.exp(-np.square(np.clip(off, 0, None) / 330)) * coral
            crest = np.exp(-np.square((off - 560) / 60)) * np.clip(0.6 + 0.6 * self.noise(300, 76), 0, 1) * coral
            shallow = np.clip(0.85 * lagoon + 0.8 * crest, 0, 1)
            sand = np.clip(self.edge(30 + shore, 45) * 0.35 * coral, 0, 0.4)
            self.lay(self.edge(9 + 6 * self.noise(300, 77) - np.abs(shore - 8), 8), 1.0, bright=0.75, soil=0.25)
            deep = (1 - shallow) * (1 - sand)
            self.lay(self.edge(-shore, 10), ripple, water=deep, shallows=1 - sand - deep, bright=sand)
            breakers = np.exp(-np.square((off - 610 - 25 * self.noise(120, 79)) / 9)) * (self.noise(60, 78) > -0.2)
            self.lay(np.clip(breakers, 0, 0.8).astype(np.float32), 1.3, bright=1.0)
            self.drown(self.edge(-shore))
            return
        bank = 26 + 9 * self.noise(500, 22) - np.abs(self.distance(self.river))
        gravel = np.clip(self.noise(260, 23) * 2.2 - 0.2, 0, 1)
        bridge = 1 - self.road
        self.lay(self.edge(bank + 16) * gravel * bridge, 1.0, bright=0.7, soil=0.3)
        deep = np.clip(bank / 40, 0, 1)
        self.lay(self.edge(bank, 4) * bridge, ripple, water=0.25 + 0.5 * deep, shallows=0.75 - 0.5 * deep)
        c, s = math.cos(0.5), math.sin(0.5)
        u, v = (x - 2150) * c + (y + 1300) * s, (y + 1300) * c - (x - 2150) * s
        f = 1 - np.hypot(u / 1450, v / 800) + 0.28 * self.noise(1500, 24) + 0.16 * self.rough(420, 40, 25)
        shore = self.distance(f * 900)
        depth = np.clip(shore / 130 + 0.15 * self.noise(120, 26), 0, 1)
        self.lay(self.edge(22 + 22 * self.noise(300, 27) + shore, 8), 0.9, meadow=0.7, broadleaf=0.2, soil=0.1)
        self.lay(self.edge(shore, 6), ripple, water=0.35 + 0.65 * depth, shallows=0.65 * (1 - depth))
        self.drown(np.maximum(self.edge(shore), self.edge(bank)))

    def drown(self, wet: Floats) -> None:
        """Level the surface of water.

        Parameters
        ----------
        wet : array of float, shape (rows, columns)
            Coverage by water, from 0 to 1.
        """
        self.canopy *= 1 - wet
        self.level = 1 - wet

    def bytes(self) -> npt.NDArray[np.uint8]:
        """Return the painted layers as bytes, shape (rows, columns, LAYERS)."""
        if self.step > 8:
            # Houses are smaller than such pixels: without blur they would appear and vanish randomly.
            self.shares = {name: _blurred(share) for name, share in self.shares.items()}
            self.tone = _blurred(self.tone)
        packed = np.zeros((*self.tone.shape, LAYERS), dtype=np.uint8)
        for k, name in enumerate(MATERIALS):
            if name in self.shares:
                packed[..., k] = np.clip(self.shares[name] * 255 + 0.5, 0, 255)
        packed[..., TONE] = np.clip(self.tone * 128 + 0.5, 1, 255)
        east, north = self.slope(self.height)
        canopy_east, canopy_north = self.slope(self.canopy)
        # The edges of trees and roofs are too steep to be resolved, so their slope is damped.
        packed[..., SLOPE_EAST] = np.clip(128.5 + 64 * (east + 0.3 * canopy_east) * self.level, 0, 255)
        packed[..., SLOPE_NORTH] = np.clip(128.5 + 64 * (north + 0.3 * canopy_north) * self.level, 0, 255)
        return packed


def _blurred(grid: Floats) -> Floats:
    """Return a grid smoothed with the weights 1 2 1 along both axes."""
    found = grid.copy()
    found[1:-1] = (grid[:-2] + 2 * grid[1:-1] + grid[2:]) / 4
    found[:, 1:-1] = (found[:, :-2] + 2 * found[:, 1:-1] + found[:, 2:]) / 4
    return np.asarray(found)


def _links(ix: npt.NDArray[np.int64], iy: npt.NDArray[np.int64], seed: int) -> List[Tuple[int, int]]:
    """Return the pairs of settlements that a road connects, as flat indices."""
    rows, columns = ix.shape
    wish = uniform(hashed(ix, iy, seed + 1), 1), uniform(hashed(ix, iy, seed + 2), 1)
    pairs = []
    for r in range(rows):
        for c in range(columns):
            at = r * columns + c
            if c + 1 < columns and wish[0][r, c] < 0.8:
                pairs.append((at, at + 1))
            if r + 1 < rows and wish[1][r, c] < 0.8:
                pairs.append((at, at + columns))
    return pairs
