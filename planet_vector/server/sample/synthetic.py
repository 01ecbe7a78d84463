"""Write many scenes without pictures, for benchmarks of the index."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from typing import List

import numpy as np

BLOCK = 10_000  # scenes made at once

_SATELLITES = ("0905", "0906", "0908", "0b0a", "0c13", "0e19", "0f22", "1006")
_FIRST = datetime(2014, 1, 1, tzinfo=timezone.utc).timestamp()
_LAST = datetime(2016, 12, 31, tzinfo=timezone.utc).timestamp()
_WIDTH, _HEIGHT = 0.21, 0.10  # degrees: the mean of the footprints in real responses
_TURN = np.radians(12.0)  # angle of a ground track from north


def write_scenes(path: Path, number: int, seed: int = 1) -> None:
    """Write ortho scenes as GeoJSON, one Feature on each line, for an archive without rasters.

    They are distributed over three years and latitudes from -56° to 70°, with occasional groups of a hundred scenes at
    the same time, as in real searches.

    Parameters
    ----------
    path : Path
        The file; its name should end in ``.geojsonl``.
    number : int
        Number of scenes.
    seed : int
        Seed of the scenes.
    """
    random = np.random.default_rng(seed)
    with path.open("w", encoding="ascii") as target:
        for start in range(0, number, BLOCK):
            target.writelines(_scenes(random, start, min(BLOCK, number - start)))


def _scenes(random: np.random.Generator, start: int, number: int) -> List[str]:
    seconds = np.round(random.uniform(_FIRST, _LAST, number), 6)
    seconds[1 : number // 100] = seconds[0]  # the scenes of one strip, with the same time
    west, south = random.uniform(-179.5, 179.5, number), random.uniform(-56, 70, number)
    turned = np.array([[0, 0], [_WIDTH, 0], [_WIDTH, _HEIGHT], [0, _HEIGHT], [0, 0]]) @ np.array(
        [[np.cos(_TURN), np.sin(_TURN)], [-np.sin(_TURN), np.cos(_TURN)]]
    )
    rings = np.round(np.stack([west, south], 1)[:, np.newaxis] + turned, 9).tolist()
    clouds = np.round(random.beta(0.6, 1.4, number) * 100, 2).tolist()
    measures = random.random((number, 8)).tolist()
    chosen = random.integers(0, len(_SATELLITES), number).tolist()
    return [
        _line(start + i, seconds[i], rings[i], clouds[i], measures[i], _SATELLITES[chosen[i]]) for i in range(number)
    ]


def _line(number: int, seconds: float, ring: List[List[float]], cloud: float, m: List[float], satellite: str) -> str:
    moment = datetime.fromtimestamp(seconds, timezone.utc)
    lon, lat = ring[0]
    quality = ("test", "standard", "target")[int(m[6] * 3)]
    return (
        f'{{"type":"Feature","id":"{moment:%Y%m%d_%H%M%S}_{number:x}_{satellite}","geometry":{{"type":"Polygon",'
        f'"coordinates":[{ring}]}},"properties":{{"acquired":"{moment.isoformat()}","camera":{{"bit_depth":12,'
        f'"color_mode":"RGB","exposure_time":{700 + int(m[0] * 500)},'
        f'"gain":{100 + int(m[1] * 4) * 50},"tdi_pulses":12}},'
        f'"cloud_cover":{{"estimated":{cloud}}},"data":{{"products":{{"analytic":{{}},"visual":{{}}}}}},'
        f'"image_statistics":{{"gsd":{2.7 + m[2] * 1.5},"image_quality":"{quality}","snr":{60 + m[3] * 60}}},'
        f'"published":"{datetime.fromtimestamp(seconds + 40_000, timezone.utc).isoformat()}",'
        f'"sat":{{"alt":{400 + m[4] * 220},'
        f'"id":"{satellite}","lat":{lat},"lng":{lon},"off_nadir":{m[5] * 5}}},"strip_id":{seconds - 600:.6f},'
        f'"sun":{{"altitude":{10 + m[6] * 70},"azimuth":{m[7] * 360},"local_time_of_day":{9 + m[7] * 4}}}}}}}\n'
    )
