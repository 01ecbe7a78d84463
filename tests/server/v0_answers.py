"""Responses of the Scenes API v0 to about a hundred requests, as digests.

`test_v0_answers.py` compares them with those in `v0_answers.json`. After an intended change of v0, write it again:

    python -m tests.server.v0_answers http://127.0.0.1:8008 > tests/server/v0_answers.json

with a service over `planet-vector sample archive --size small` and the basemaps of `BASEMAPS`.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from typing import Dict, List
from urllib.parse import quote

import requests

BASEMAPS = "- {name: clear, title: Clear scenes, level: 13, filter: {cloud_cover.estimated.lte: 20}}\n"

SEARCHES = (
    "", "count=3", "count=1000", "order_by=acquired asc&count=5", "order_by=acquired desc&count=5",
    "acquired.gte=2015-08-01", "acquired.lt=2015-06-01T00:00:00Z", "acquired.gte=2015-07-01&acquired.lt=2015-08-01",
    "cloud_cover.estimated.lte=5", "cloud_cover.estimated.gt=50", "image_statistics.gsd.lt=4",
    "image_statistics.image_quality=test", "image_statistics.image_quality.gte=standard", "sat.id=0908",
    "sat.off_nadir.lte=1", "sun.altitude.gte=50", "published.gte=2015-08-01", "file_size.gt=0",
    "intersects=POINT(11.98 47.86)", "intersects=POLYGON((11.9 47.8,12 47.8,12 47.9,11.9 47.9,11.9 47.8))",
    "intersects=POLYGON((179 -20,-179 -20,-179 -10,179 -10,179 -20))", "intersects=LINESTRING(11 47,13 49)",
    "intersects=POINT(0 0)", "count=2&_page.acquired.lt=2015-08-01T00:00:00", "count=0", "count=x", "nothing=1",
    "acquired.gte=yesterday", "intersects=POINT(1)", "cloud_cover.estimated.lte=1e400", "strip_id=1",
)  # fmt: skip


def paths(origin: str) -> List[str]:
    """Return the addresses that are requested, without the origin."""
    found = ["/v0/scenes/", "/v0/scenes", "/v0/scenes/none/", "/v0/mosaics/", "/v0/mosaics/clear", "/v0/mosaics/none"]
    for scene_type in ("ortho", "landsat", "rapideye"):
        chosen = SEARCHES if scene_type == "ortho" else SEARCHES[:12]
        found += [f"/v0/scenes/{scene_type}/?{quote(search, safe='=&')}" for search in chosen]
        page = requests.get(f"{origin}/v0/scenes/{scene_type}/?count=4&order_by=acquired asc", timeout=30).json()
        for scene in page["features"]:
            address = f"/v0/scenes/{scene_type}/{scene['id']}"
            found += [address, address + "/", f"{address}/full?product=none", f"{address}/thumb?size=xl"]
        found.append(page["links"]["next"][len(origin) :] if page["links"]["next"] else f"/v0/scenes/{scene_type}/none")
    quads = requests.get(f"{origin}/v0/mosaics/clear/quads/", timeout=60).json()["features"]
    found += ["/v0/mosaics/clear/quads/", "/v0/mosaics/clear/quads/?count=2", "/v0/mosaics/clear/quads/none"]
    found += [f"/v0/mosaics/clear/quads/{quads[0]['id']}{rest}" for rest in ("", "/scenes/")]
    return found


def digest(origin: str, path: str) -> str:
    """Return the status, the media type and a digest of a response.

    The origin is left out of it, the sizes of files, which depend on the version of GDAL that wrote them, and decimals
    after the twelfth, as the last digit of the sample's coordinates depends on the version of PROJ.
    """
    answer = requests.get(origin + path, timeout=60, allow_redirects=False)
    text = answer.text.replace(origin, "ORIGIN")
    text = re.sub(r'"file_size": ?\d+', '"file_size":0', text)
    text = re.sub(r"(\.\d{12})\d+", r"\1", text)
    location = answer.headers.get("location", "").replace(origin, "ORIGIN")
    summary = hashlib.sha256(f"{text}\n{location}".encode()).hexdigest()[:16]
    return f"{answer.status_code} {answer.headers.get('content-type', '')} {summary}"


def answers(origin: str) -> Dict[str, str]:
    """Return the digests by address."""
    return {path.replace(origin, "ORIGIN"): digest(origin, path) for path in paths(origin)}


if __name__ == "__main__":
    print(json.dumps(answers(sys.argv[1].rstrip("/")), indent=0, sort_keys=True))
