"""Serve many made items as a STAC API or a Data API v1, fast: pages are joined from texts that are made once.

    python benchmarks/stubs/services.py stac|data-v1 [--items 20000] [--latency 200] [--no-counts] [--largest 250]

Prints the root of the API. Measurements of clients against it depend on the clients alone: a page costs the service
about a millisecond, after the latency. It selects by time and knows no other filter.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from bisect import bisect_left, bisect_right
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Dict, List, Mapping, Optional, Tuple
from urllib.parse import parse_qs, urlsplit

START, DAYS = datetime(2024, 1, 1, tzinfo=timezone.utc), 200
COLLECTION, ITEM_TYPE = "scenes", "PSScene"
_CONFORMANCE = [
    "https://api.stacspec.org/v1.0.0/core", "https://api.stacspec.org/v1.0.0/item-search",
    "https://api.stacspec.org/v1.0.0/collections", "https://api.stacspec.org/v1.0.0/item-search#sort",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/geojson",
]  # fmt: skip
_BANDS = ("coastal", "blue", "green", "red", "rededge1", "nir", "swir16", "swir22", "scl")


class Items:
    """Items in the order of time.

    Parameters
    ----------
    count : int
        Their number.
    """

    def __init__(self, count: int) -> None:
        chance = random.Random(1)
        self.times = sorted(START + timedelta(seconds=round(chance.uniform(0, 86400 * DAYS), 3)) for _ in range(count))
        self.places = [(chance.uniform(-170, 169), chance.uniform(-60, 60)) for _ in range(count)]
        self.texts: List[bytes] = []

    def between(self, low: Optional[datetime], high: Optional[datetime], low_open: bool, high_open: bool) -> range:
        """Return the positions of the items in a span of time.

        Parameters
        ----------
        low, high : datetime or None
            Its ends; None if it is open there.
        low_open, high_open : bool
            Whether an end does not belong to it.
        """
        first = 0 if low is None else (bisect_right if low_open else bisect_left)(self.times, low)
        end = len(self.times) if high is None else (bisect_left if high_open else bisect_right)(self.times, high)
        return range(first, max(first, end))

    def page(self, found: range, descending: bool, offset: int, size: int) -> Tuple[bytes, bool]:
        """Return the texts of a page, joined, and whether there is another one.

        Parameters
        ----------
        found : range
            As `between` returns it.
        descending : bool
            Whether the newest come first.
        offset, size : int
            The first item, and the number of items.
        """
        ordered = found[::-1] if descending else found
        return b",".join(self.texts[at] for at in ordered[offset : offset + size]), offset + size < len(ordered)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def _geometry(west: float, south: float) -> Dict[str, object]:
    ring = [[west, south], [west + 0.4, south + 0.1], [west + 0.35, south + 0.3], [west - 0.05, south + 0.2]]
    return {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}


class Stac:
    """STAC API 1.0 with sorting, and its items as OGC API Features.

    Parameters
    ----------
    items : Items
        The items.
    url : str
        Root of the API.
    counts : bool
        Whether pages have a count.
    largest : int
        Most items on a page.
    """

    def __init__(self, items: Items, url: str, counts: bool, largest: int) -> None:
        self.items, self.url, self.counts, self.largest = items, url, counts, largest
        items.texts = [self._item(number).encode() for number in range(len(items.times))]

    def _item(self, number: int) -> str:
        (west, south), moment = self.items.places[number], self.items.times[number]
        name = f"S2_{number:06}"
        assets = {
            band: {
                "href": f"https://assets.example/{name}/{band}.tif",
                "type": "image/tiff; application=geotiff; profile=cloud-optimized", "roles": ["data"],
                "eo:bands": [{"name": band, "common_name": band, "center_wavelength": 0.49, "full_width_half_max": 1}],
                "raster:bands": [{"nodata": 0, "data_type": "uint16", "scale": 0.0001, "offset": -0.1}],
                "proj:shape": [10980, 10980], "proj:transform": [10, 0, 600000, 0, -10, 3300040],
            }
            for band in _BANDS
        }  # fmt: skip
        properties = {
            "datetime": moment.isoformat().replace("+00:00", "Z"), "eo:cloud_cover": number * 7919 % 1000 / 10,
            "platform": "sentinel-2a", "instruments": ["msi"], "proj:epsg": 32633, "gsd": 10, "view:sun_azimuth": 145.1,
        }  # fmt: skip
        return json.dumps(
            {
                "type": "Feature", "stac_version": "1.0.0", "id": name, "collection": COLLECTION,
                "geometry": _geometry(west, south), "bbox": [west - 0.05, south, west + 0.4, south + 0.3],
                "properties": properties, "assets": assets,
                "links": [{"rel": "self", "href": f"{self.url}collections/{COLLECTION}/items/{name}"}],
            }
        )  # fmt: skip

    def answer(self, path: str, query: Mapping[str, List[str]], body: Optional[Mapping[str, object]]) -> bytes:
        """Return the answer to a request.

        Parameters
        ----------
        path : str
            Path below the root.
        query : mapping of str to list of str
            Its parameters.
        body : mapping or None
            The JSON body of a POST.
        """
        root = self.url.rstrip("/")
        collection = {
            "type": "Collection", "id": COLLECTION, "description": "Made", "stac_version": "1.0.0", "license": "CC0",
            "extent": {"spatial": {"bbox": [[-180, -90, 180, 90]]}, "temporal": {"interval": [[None, None]]}},
            "links": [{"rel": "items", "href": f"{root}/collections/{COLLECTION}/items"}],
        }  # fmt: skip
        if path in ("search", f"collections/{COLLECTION}/items"):
            return self._page(f"{root}/{path}", {name: values[0] for name, values in query.items()}, body)
        found: Dict[str, object] = {
            "": {
                "type": "Catalog", "id": "made", "description": "Made", "stac_version": "1.0.0",
                "conformsTo": _CONFORMANCE,
                "links": [
                    {"rel": "self", "href": f"{root}/"}, {"rel": "data", "href": f"{root}/collections"},
                    {"rel": "conformance", "href": f"{root}/conformance"},
                    *({"rel": "search", "href": f"{root}/search", "type": "application/geo+json", "method": method}
                      for method in ("GET", "POST")),
                ],
            },
            "conformance": {"conformsTo": _CONFORMANCE},
            "collections": {"collections": [collection], "links": [{"rel": "self", "href": f"{root}/collections"}]},
            f"collections/{COLLECTION}": collection,
        }  # fmt: skip
        return json.dumps(found[path]).encode()

    def _page(self, address: str, query: Mapping[str, str], body: Optional[Mapping[str, object]]) -> bytes:
        asked: Mapping[str, object] = query if body is None else body
        ends = str(asked.get("datetime") or "../..").split("/") * 2
        low, high = (None if end in ("", "..") else _moment(end) for end in ends[:2])
        found = self.items.between(low, high, False, False)
        sort = str(asked.get("sortby") or "-datetime")
        size = min(int(str(asked.get("limit") or 10)), self.largest)
        offset = int(str(asked.get("token") or 0))
        texts, more = self.items.page(found, "desc" in sort or sort.startswith("-"), offset, size)
        links: List[Dict[str, object]] = []
        if more and body is not None:
            links = [{"rel": "next", "method": "POST", "href": address, "body": {**body, "token": offset + size}}]
        elif more:
            parameters = "&".join(f"{name}={value}" for name, value in {**query, "token": offset + size}.items())
            links = [{"rel": "next", "href": f"{address}?{parameters}", "type": "application/geo+json"}]
        counted = f', "numberMatched": {len(found)}' if self.counts else ""
        head = f'{{"type": "FeatureCollection", "links": {json.dumps(links)}{counted}, "features": ['
        return head.encode() + texts + b"]}"


class DataV1:
    """Data API v1: searches by time, their pages, and numbers of items by time.

    Parameters
    ----------
    items : Items
        The items.
    url : str
        Root of the API.
    """

    def __init__(self, items: Items, url: str) -> None:
        self.items, self.url = items, url
        items.texts = [self._item(number).encode() for number in range(len(items.times))]
        self.pages: Dict[str, Tuple[range, bool, int, int]] = {}

    def _item(self, number: int) -> str:
        (west, south), moment = self.items.places[number], self.items.times[number]
        name = f"{moment:%Y%m%d_%H%M%S}_{number:05}_2414"
        acquired = moment.isoformat().replace("+00:00", "Z")
        root = f"{self.url}item-types/{ITEM_TYPE}/items/{name}"
        assets = [f"{kind}_{what}" for kind in ("ortho", "basic") for what in ("analytic_4b", "analytic_8b", "udm2")]
        return json.dumps(
            {
                "type": "Feature", "id": name, "geometry": _geometry(west, south), "assets": assets,
                "_permissions": [f"assets.{asset}:download" for asset in assets],
                "_links": {"_self": root, "assets": f"{root}/assets/", "thumbnail": f"{root}/thumb"},
                "properties": {
                    "acquired": acquired, "published": acquired, "updated": acquired, "item_type": ITEM_TYPE,
                    "anomalous_pixels": 0, "clear_percent": number % 101, "clear_confidence_percent": 90,
                    "cloud_cover": number % 100 / 100, "cloud_percent": number % 100, "ground_control": True,
                    "gsd": 3.9, "heavy_haze_percent": 0, "instrument": "PSB.SD", "light_haze_percent": 0,
                    "pixel_resolution": 3, "provider": "planetscope", "publishing_stage": "finalized",
                    "quality_category": "standard", "satellite_azimuth": 101.9, "satellite_id": "2414",
                    "shadow_percent": 0, "snow_ice_percent": 0, "strip_id": str(5321496 + number // 9),
                    "sun_azimuth": 145.2, "sun_elevation": 31.5, "view_angle": number % 50 / 10,
                    "visible_confidence_percent": 80, "visible_percent": 100,
                },
            }
        )  # fmt: skip

    def answer(self, path: str, query: Mapping[str, List[str]], body: Optional[Mapping[str, object]]) -> bytes:
        """Return the answer to a request.

        Parameters
        ----------
        path, query, body
            As for `Stac.answer`.
        """
        if path.startswith("quick-search/"):
            return self._page(*self.pages[path.partition("/")[2]])
        if path == "quick-search" and body is not None:
            size = int((query.get("_page_size") or ["250"])[0])
            descending = "asc" not in (query.get("_sort") or ["desc"])[0]
            return self._page(self._found(body.get("filter")), descending, 0, min(size, 250))
        if path == "stats" and body is not None:
            return self._stats(self._found(body.get("filter")), str(body.get("interval")))
        link = {"_self": f"{self.url}item-types/{ITEM_TYPE}"}
        described = {"id": ITEM_TYPE, "display_name": ITEM_TYPE, "display_description": "Made", "_links": link}
        if path.rstrip("/") == "item-types":
            return json.dumps({"_links": {"_self": f"{self.url}item-types"}, "item_types": [described]}).encode()
        return json.dumps(described).encode()

    def _found(self, given: object) -> range:
        """Return the items of a filter, of which only conjunctions and spans of the acquisition time are known."""
        if not isinstance(given, Mapping):
            return range(len(self.items.times))
        config = given.get("config")
        if given.get("type") == "AndFilter" and isinstance(config, list):
            parts = [self._found(part) for part in config] or [range(len(self.items.times))]
            return range(max(part.start for part in parts), min(part.stop for part in parts))
        if (
            given.get("type") == "DateRangeFilter"
            and given.get("field_name") == "acquired"
            and isinstance(config, dict)
        ):
            ends = {name: _moment(str(text)) for name, text in config.items()}
            low, high = ends.get("gt") or ends.get("gte"), ends.get("lt") or ends.get("lte")
            return self.items.between(low, high, "gt" in ends, "lt" in ends)
        return range(len(self.items.times))

    def _page(self, found: range, descending: bool, offset: int, size: int) -> bytes:
        texts, more = self.items.page(found, descending, offset, size)
        links = {"_self": f"{self.url}quick-search", "_first": f"{self.url}quick-search"}
        if more:
            token = f"{found.start}-{found.stop}-{descending:d}-{offset + size}-{size}"
            self.pages[token] = found, descending, offset + size, size
            links["_next"] = f"{self.url}quick-search/{token}"
        head = f'{{"type": "FeatureCollection", "_links": {json.dumps(links)}, "features": ['
        return head.encode() + texts + b"]}"

    def _stats(self, found: range, interval: str) -> bytes:
        step = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(weeks=1)}[interval]
        counts: Dict[int, int] = {}
        for at in found:
            number = (self.items.times[at] - START) // step
            counts[number] = counts.get(number, 0) + 1
        form = "%Y-%m-%dT%H:%M:%S.000000Z"
        buckets = [{"count": n, "start_time": (START + k * step).strftime(form)} for k, n in sorted(counts.items())]
        return json.dumps({"buckets": buckets, "interval": interval, "utc_offset": "+0h"}).encode()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


def main() -> None:
    """Run the service until it is ended."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("api", choices=["stac", "data-v1"])
    parser.add_argument("--items", type=int, default=20_000)
    parser.add_argument("--latency", type=int, default=200, help="milliseconds before each answer")
    parser.add_argument("--no-counts", action="store_true")
    parser.add_argument("--largest", type=int, default=250, help="most items on a page")
    options = parser.parse_args()
    items = Items(options.items)
    root = "/data/v1/" if options.api == "data-v1" else "/"

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def _respond(self) -> None:
            parts = urlsplit(self.path)
            given = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            try:
                content = api.answer(
                    parts.path[len(root) :], parse_qs(parts.query), json.loads(given) if given else None
                )
                status = 200
            except KeyError:
                content, status = b"{}", 404
            time.sleep(options.latency / 1000)
            self.send_response(status)
            self.send_header("Content-Type", "application/geo+json" if b'"features"' in content else "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = _respond

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = _Server(("127.0.0.1", 0), Handler)
    url = f"http://127.0.0.1:{server.server_port}{root}"
    api = DataV1(items, url) if options.api == "data-v1" else Stac(items, url, not options.no_counts, options.largest)
    print(url, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
