"""A small Data API v1 with its basemaps, in memory: every filter by brute force, assets with activation, faults.

It follows the facts known of Planet's service. Tests address it over HTTP only, so that another service can take its
place; what only the service knows (its log, its faults) is read from the object.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import math
import random
import re
import struct
import threading
import time
import zlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, List, Mapping, NamedTuple, Optional, Sequence, Tuple
from urllib.parse import parse_qs, quote, unquote, urlsplit

Feature = Dict[str, Any]
Answer = Tuple[int, bytes, Dict[str, str]]

KEY = "0d1v1key0d1v1key0d1v1key0d1v1key"
PAGE = 250
_SECRET = b"signs the addresses of files"
_INTERVALS = ("hour", "day", "week", "month", "year")


class Request(NamedTuple):
    """A request that the service received."""

    method: str
    path: str
    query: Mapping[str, List[str]]
    key: str
    body: bytes
    host: str


@dataclass(repr=False)
class DataV1Service:
    """A running service.

    Attributes
    ----------
    url : str
        Root of its Data API.
    items : list of dict
        All items; an item is of the type in its property ``item_type``.
    searches : list of dict
        Saved searches.
    mosaics : list of dict
        Basemaps; links are made from their ids.
    log : list of Request
        All requests.
    rate : float
        Searches a second, 0 for no limit.
    delay : float
        Seconds before the answer to a page.
    activation : float
        Seconds that an activation takes.
    lifetime : float
        Seconds for which a location is valid.
    store : str
        Root of a store on another host, to which locations redirect; empty if the service sends files itself.
    unpermitted : set of str
        Names of assets whose state permits no download.
    may_activate : bool
        Whether the test activates assets; otherwise such requests are in `unasked`, too.
    fault : callable, optional
        Called with each request and its number among those to its route; returns an answer instead of the service's.
    alter : callable, optional
        Called with each request and the JSON of its answer; returns other JSON.
    """

    url: str = ""
    items: List[Feature] = field(default_factory=list)
    searches: List[Feature] = field(default_factory=list)
    mosaics: List[Feature] = field(default_factory=list)
    quads: Dict[str, List[str]] = field(default_factory=dict)
    log: List[Request] = field(default_factory=list)
    rate: float = 0.0
    delay: float = 0.0
    activation: float = 0.0
    lifetime: float = 3600.0
    store: str = ""
    unpermitted: set[str] = field(default_factory=set)
    wrong_md5: bool = False
    may_activate: bool = False
    files: Dict[str, bytes] = field(default_factory=dict)
    fault: Optional[Callable[[Request, int], Optional[Answer]]] = None
    alter: Optional[Callable[[Request, Any], Any]] = None

    def __post_init__(self) -> None:
        self.lock = threading.RLock()
        self.pages: Dict[str, Tuple[List[Feature], int]] = {}
        self.active: Dict[Tuple[str, str, str], float] = {}  # when each asset is or was active
        self.tokens, self.then = 10.0, time.monotonic()
        self.most_at_once = self._at_once = 0
        self.unasked: List[Request] = []  # activations that no test made
        self.generation = 0  # of the addresses of files; those of earlier ones are refused

    def __repr__(self) -> str:
        return f"DataV1Service({self.url!r})"

    # ---- what tests ask of the service itself -----------------------------------------------------------------

    def asked(self, pattern: str) -> List[Request]:
        """Return the requests whose method and path match a pattern."""
        return [each for each in self.log if re.search(pattern, f"{each.method} {each.path}")]

    @property
    def activations(self) -> List[Request]:
        """Requests that activate an asset."""
        return self.asked(r"/activate$")

    def make_active(self, *assets: str, at: Optional[float] = None) -> None:
        """Make all assets of some names active."""
        for item in self.items:
            for name in asset_names(item):
                if name in assets or not assets:
                    self.active[item["properties"]["item_type"], item["id"], name] = at or 0.0

    def reset(self) -> None:
        """Forget requests, faults and activations."""
        with self.lock:
            self.log.clear()
            self.active.clear()
            self.unpermitted.clear()
            self.pages.clear()
            self.rate = self.delay = self.activation = 0.0
            self.lifetime, self.store, self.wrong_md5 = 3600.0, "", False
            self.fault = self.alter = None
            self.may_activate = False
            self.most_at_once = 0

    # ---- answers ------------------------------------------------------------------------------------------------

    def answer(self, request: Request) -> Answer:
        with self.lock:
            self.log.append(request)
            number = len([each for each in self.log if each[:2] == request[:2]])
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            found = self.fault(request, number) if self.fault else None
            return found if found is not None else self._routed(request)
        finally:
            with self.lock:
                self._at_once -= 1

    def _routed(self, request: Request) -> Answer:
        path = request.path
        if path == "/data/v1/download":
            return self._download(request)
        if request.key != KEY:
            return _json(401, {"message": "Please enter your API key, or email and password."})
        for method, pattern, make in (
            ("POST", r"/data/v1/quick-search", self._search),
            ("GET", r"/data/v1/quick-search/([\w]+)", self._page),
            ("POST", r"/data/v1/stats", self._stats),
            ("GET", r"/data/v1/item-types/?", self._types),
            ("GET", r"/data/v1/item-types/([^/]+)/?", self._type),
            ("GET", r"/data/v1/item-types/([^/]+)/items/([^/]+)/?", self._item),
            ("GET", r"/data/v1/item-types/([^/]+)/items/([^/]+)/assets/?", self._assets),
            ("GET", r"/data/v1/item-types/([^/]+)/items/([^/]+)/thumb", self._thumb),
            ("GET", r"/data/v1/assets/([^/]+)", self._asset),
            ("GET", r"/data/v1/assets/([^/]+)/activate", self._activate),
            ("GET", r"/data/v1/searches/?", self._searches),
            ("GET", r"/data/v1/searches/([^/]+)", self._saved),
            ("GET", r"/data/v1/searches/([^/]+)/results", self._results),
            ("GET", r"/data/v1/([^/]+)/([^/]+)/(\d+)/(\d+)/(\d+)\.png", self._tile),
            ("GET", r"/basemaps/v1/planet-tiles/([^/]+)/gmap/(\d+)/(\d+)/(\d+)\.png", self._tile),
            ("GET", r"/basemaps/v1/mosaics/?", self._mosaics),
            ("GET", r"/basemaps/v1/mosaics/([^/]+)/quads", self._quads),
            ("GET", r"/basemaps/v1/mosaics/([^/]+)/quads/([^/]+)", self._quad),
            ("GET", r"/basemaps/v1/mosaics/([^/]+)/quads/([^/]+)/items", self._quad_items),
            ("GET", r"/basemaps/v1/mosaics/([^/]+)/quads/([^/]+)/full", self._quad_full),
        ):
            match = re.fullmatch(pattern, path)
            if match and method == request.method:
                made = make(request, *map(unquote, match.groups()))  # type: ignore[operator]
                if isinstance(made, tuple):
                    return made  # type: ignore[return-value]
                return _json(200, self.alter(request, made) if self.alter else made)
        return _json(404, {"message": "not found"})

    def _search(self, request: Request) -> Any:
        refused = self._limited()
        if refused:
            return refused
        time.sleep(self.delay)
        body = json.loads(request.body)
        found = self._found(body)
        if isinstance(found, tuple):
            return found
        sort = (request.query.get("_sort") or ["published desc"])[0]
        name, _, direction = sort.partition(" ")
        if name not in ("acquired", "published") or direction not in ("asc", "desc"):
            return _json(400, {"message": f"unknown _sort {sort!r}"})
        found.sort(key=lambda item: (moment(item["properties"][name]), item["id"]), reverse=direction == "desc")
        size = int((request.query.get("_page_size") or [str(PAGE)])[0])
        return self._page_of(found, 0, min(size, PAGE))

    def _page_of(self, found: List[Feature], start: int, size: int) -> Dict[str, Any]:
        links: Dict[str, Optional[str]] = {
            "_first": f"{self.url}quick-search/first",
            "_self": f"{self.url}quick-search",
        }
        if start + size < len(found):
            token = (
                base64.urlsafe_b64encode(f"{len(self.pages)}-{start}".encode()).decode().rstrip("=").replace("-", "_")
            )
            self.pages[token] = found[start + size :], size
            links["_next"] = f"{self.url}quick-search/{token}"
        return {"_links": links, "features": found[start : start + size], "type": "FeatureCollection"}

    def _page(self, request: Request, token: str) -> Any:
        refused = self._limited()
        if refused:
            return refused
        time.sleep(self.delay)
        if token not in self.pages:
            return _json(404, {"message": "no such page"})
        found, size = self.pages[token]
        return self._page_of(found, 0, size)

    def _found(self, body: Mapping[str, Any]) -> Any:
        types = body.get("item_types")
        if not isinstance(types, list) or not types:
            return _json(400, {"message": "item_types is missing"})
        unknown = [each for each in types if each not in self._type_names()]
        if unknown:
            return _json(404, {"message": f"unknown item type {unknown[0]}"})
        try:
            wanted = [body["filter"]] if "filter" in body else []
            if "geometry" in body:
                wanted.append({"type": "GeometryFilter", "field_name": "geometry", "config": body["geometry"]})
            test = compiled({"type": "AndFilter", "config": wanted})
        except (KeyError, TypeError, ValueError) as error:
            return _json(400, {"message": f"bad filter: {error}"})
        return [each for each in self.items if each["properties"]["item_type"] in types and test(each)]

    def _stats(self, request: Request) -> Any:
        refused = self._limited()
        if refused:
            return refused
        body = json.loads(request.body)
        if body.get("interval") not in _INTERVALS:
            return _json(400, {"message": "interval: hour, day, week, month or year"})
        found = self._found(body)
        if isinstance(found, tuple):
            return found
        counts: Dict[datetime, int] = {}
        for item in found:
            start = _bucket(moment(item["properties"]["acquired"]), body["interval"])
            counts[start] = counts.get(start, 0) + 1
        buckets = [
            {"count": count, "start_time": start.strftime("%Y-%m-%dT%H:%M:%S.000000Z")}
            for start, count in sorted(counts.items())
        ]
        return {"buckets": buckets, "interval": body["interval"], "utc_offset": "+0h"}

    def _type_names(self) -> List[str]:
        return sorted({each["properties"]["item_type"] for each in self.items})

    def _types(self, request: Request) -> Any:
        return {
            "_links": {"_self": f"{self.url}item-types"},
            "item_types": [self._described(name) for name in self._type_names()],
        }

    def _type(self, request: Request, item_type: str) -> Any:
        known = item_type in self._type_names()
        return self._described(item_type) if known else _json(404, {"message": "no such item type"})

    def _described(self, item_type: str) -> Feature:
        links = {"_self": f"{self.url}item-types/{item_type}"}
        return {"id": item_type, "display_name": item_type, "display_description": item_type, "_links": links}

    def _item(self, request: Request, item_type: str, item_id: str) -> Any:
        return self._known(item_type, item_id) or _json(404, {"message": "no such item"})

    def _known(self, item_type: str, item_id: str) -> Optional[Feature]:
        for each in self.items:
            if each["id"] == item_id and each["properties"]["item_type"] == item_type:
                return each
        return None

    # ---- assets -----------------------------------------------------------------------------------------------

    def _assets(self, request: Request, item_type: str, item_id: str) -> Any:
        item = self._known(item_type, item_id)
        if item is None:
            return _json(404, {"message": "no such item"})
        return {name: self._state(item_type, item_id, name) for name in asset_names(item)}

    def _state(self, item_type: str, item_id: str, name: str) -> Dict[str, Any]:
        place = base64.urlsafe_b64encode(json.dumps([item_type, item_id, name]).encode()).decode()
        link = f"{self.url}assets/{place}"
        when = self.active.get((item_type, item_id, name))
        status = "inactive" if when is None else "active" if when <= time.time() else "activating"
        state: Dict[str, Any] = {
            "_links": {"_self": link, "activate": f"{link}/activate", "type": f"{self.url}asset-types/{name}"},
            "_permissions": [] if name in self.unpermitted else ["download"],
            "md5_digest": None,
            "status": status,
            "type": name,
        }
        if status == "active":
            content = self.file(item_type, item_id, name)
            ends = time.time() + self.lifetime
            state["location"] = f"{self.url}download?token={_token([item_type, item_id, name], ends, self.generation)}"
            state["expires_at"] = datetime.fromtimestamp(int(ends), timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000000")
            state["md5_digest"] = hashlib.md5(content + (b"!" if self.wrong_md5 else b"")).hexdigest()
        return state

    def _asset(self, request: Request, place: str) -> Any:
        return self._state(*json.loads(base64.urlsafe_b64decode(place)))

    def _activate(self, request: Request, place: str) -> Any:
        item_type, item_id, name = json.loads(base64.urlsafe_b64decode(place))
        if not self.may_activate:
            self.unasked.append(request)
        with self.lock:
            self.active.setdefault((item_type, item_id, name), time.time() + self.activation)
        return 204, b"", {}

    def file(self, item_type: str, item_id: str, name: str) -> bytes:
        """Return the content of an asset's file."""
        given = self.files.get(f"{item_id}/{name}")
        if given is not None:
            return given
        if name.endswith("_xml"):
            return b"<metadata/>"
        item = self._known(item_type, item_id)
        assert item is not None
        with self.lock:
            made = self.files[f"{item_id}/{name}"] = geotiff(item, 8 if "udm2" in name or "8b" in name else 3)
        return made

    def _download(self, request: Request) -> Answer:
        place = _opened((request.query.get("token") or [""])[0], self.generation)
        if place is None:
            return _json(403, {"message": "the token is invalid or has expired"})
        if self.store:
            ends = int(time.time() + self.lifetime)
            where = quote("/".join(place))
            return 302, b"", {"Location": f"{self.store}{where}?Expires={ends}&Signature={self.generation}"}
        return _file(self.file(*place), request)

    def _thumb(self, request: Request, item_type: str, item_id: str) -> Any:
        width = int((request.query.get("width") or ["256"])[0])
        return 200, png(width, width), {"Content-Type": "image/png"}

    def _tile(self, request: Request, *_: str) -> Any:
        return 200, png(256, 256), {"Content-Type": "image/png"}

    # ---- saved searches -----------------------------------------------------------------------------------------

    def _searches(self, request: Request) -> Any:
        return {"_links": {"_self": f"{self.url}searches"}, "searches": self.searches}

    def _saved(self, request: Request, search_id: str) -> Any:
        found = [each for each in self.searches if each["id"] == search_id]
        return found[0] if found else _json(404, {"message": "no such search"})

    def _results(self, request: Request, search_id: str) -> Any:
        saved = self._saved(request, search_id)
        if isinstance(saved, tuple):
            return saved
        return self._search(request._replace(body=json.dumps(saved).encode()))

    # ---- basemaps -----------------------------------------------------------------------------------------------

    @property
    def basemaps_url(self) -> str:
        return self.url.replace("/data/v1/", "/basemaps/v1/")

    def _mosaic(self, body: Feature) -> Feature:
        root, key = f"{self.basemaps_url}mosaics/{body['id']}", f"api_key={KEY}"
        tiles = f"{self.basemaps_url}planet-tiles/{body['name']}/gmap/{{z}}/{{x}}/{{y}}.png?{key}"
        links = {
            "_self": f"{root}?{key}",
            "quads": f"{root}/quads?{key}&bbox={{lx}},{{ly}},{{ux}},{{uy}}",
            "tiles": tiles,
        }
        return {**body, "_links": links}

    def _mosaics(self, request: Request) -> Any:
        wanted = request.query.get("name__is")
        found = [self._mosaic(each) for each in self.mosaics if not wanted or each["name"] in wanted]
        return {"_links": {"_self": f"{self.basemaps_url}mosaics?api_key={KEY}"}, "mosaics": found}

    def _quad_of(self, mosaic: str, quad_id: str) -> Feature:
        root = f"{self.basemaps_url}mosaics/{mosaic}/quads/{quad_id}"
        names = (("_self", ""), ("download", "/full"), ("items", "/items"), ("thumbnail", "/thumb"))
        links = {name: f"{root}{end}?api_key={KEY}" for name, end in names}
        return {
            "_links": links,
            "bbox": list(quad_box(self._level(mosaic), quad_id)),
            "id": quad_id,
            "percent_covered": 100,
        }

    def _level(self, mosaic: str) -> int:
        return int(next(each["level"] for each in self.mosaics if each["id"] == mosaic))

    def _quads(self, request: Request, mosaic: str) -> Any:
        west, south, east, north = map(float, request.query["bbox"][0].split(","))
        found = []
        for quad_id in self.quads.get(mosaic, []):
            w, s, e, n = quad_box(self._level(mosaic), quad_id)
            if w <= east and west <= e and s <= north and south <= n:
                found.append(self._quad_of(mosaic, quad_id))
        start = int((request.query.get("_page") or ["0"])[0])
        size = min(int((request.query.get("_page_size") or ["50"])[0]), 3)
        links = {"_self": f"{self.basemaps_url}mosaics/{mosaic}/quads"}
        if start + size < len(found):
            links["_next"] = (
                f"{self.basemaps_url}mosaics/{mosaic}/quads?api_key={KEY}&bbox={request.query['bbox'][0]}"
                f"&_page={start + size}&_page_size={size}"
            )
        return {"_links": links, "items": found[start : start + size]}

    def _quad(self, request: Request, mosaic: str, quad_id: str) -> Any:
        known = quad_id in self.quads.get(mosaic, [])
        return self._quad_of(mosaic, quad_id) if known else _json(404, {"message": "no such quad"})

    def _quad_items(self, request: Request, mosaic: str, quad_id: str) -> Any:
        some = self.items[:2]
        return {"_links": {}, "items": [{"link": each["_links"]["_self"]} for each in some]}

    def _quad_full(self, request: Request, mosaic: str, quad_id: str) -> Answer:
        content = self.files.setdefault(f"{mosaic}/{quad_id}", quad_tiff(self._level(mosaic), quad_id))
        if self.store:
            self.files[f"quad/{quad_id}"] = content
            return 302, b"", {"Location": f"{self.store}quad/{quad_id}?Expires={int(time.time()) + 600}&Signature=x"}
        return _file(content, request)

    def _limited(self) -> Optional[Answer]:
        if not self.rate:
            return None
        with self.lock:
            now = time.monotonic()
            self.tokens = min(self.rate, self.tokens + (now - self.then) * self.rate)
            self.then = now
            if self.tokens < 1:
                return 429, b"Too many requests; retry-in 200ms", {"Content-Type": "text/plain"}
            self.tokens -= 1
        return None


# ---- filters ----------------------------------------------------------------------------------------------------


def compiled(wanted: Mapping[str, Any]) -> Callable[[Feature], bool]:
    """Return a function that tests an item against a filter."""
    import shapely.geometry

    kind, config, name = wanted["type"], wanted["config"], wanted.get("field_name", "")
    if kind in ("AndFilter", "OrFilter"):
        parts = [compiled(each) for each in config]
        return (
            (lambda item: all(t(item) for t in parts))
            if kind == "AndFilter"
            else lambda item: any(t(item) for t in parts)
        )
    if kind == "NotFilter":
        part = compiled(config)
        return lambda item: not part(item)
    if kind in ("DateRangeFilter", "UpdateFilter", "RangeFilter"):
        if not config or not set(config) <= {"gt", "gte", "lt", "lte"}:
            raise ValueError(f"{kind} takes gt, gte, lt, lte")
        as_time = kind != "RangeFilter"
        limits = {key: moment(value) if as_time else _number(value) for key, value in config.items()}

        def within(item: Feature) -> bool:
            value = item["properties"].get(name)
            if value is None or isinstance(value, bool) or isinstance(value, str) != as_time:
                return False
            got = moment(value) if as_time else value
            compare = {"gt": got.__gt__, "gte": got.__ge__, "lt": got.__lt__, "lte": got.__le__}
            return all(_holds(key, got, limit) for key, limit in limits.items()) and bool(compare)

        return within
    if kind == "StringInFilter":
        if not all(isinstance(each, str) for each in config):
            raise ValueError("StringInFilter takes texts")
        if name == "id":
            return lambda item: item["id"] in config
        return lambda item: isinstance(item["properties"].get(name), str) and item["properties"][name] in config
    if kind == "NumberInFilter":
        numbers = [_number(each) for each in config]
        return lambda item: (
            isinstance(item["properties"].get(name), (int, float))
            and not isinstance(item["properties"][name], bool)
            and item["properties"][name] in numbers
        )
    if kind == "GeometryFilter":
        area, relation = shapely.geometry.shape(config), wanted.get("relation", "intersects")
        if name != "geometry" or relation not in ("intersects", "contains", "within", "disjoint"):
            raise ValueError("a GeometryFilter tests geometry")
        return lambda item: bool(getattr(_shape(item), relation)(area))
    if kind == "AssetFilter":
        return lambda item: bool(set(config) & set(asset_names(item)))
    if kind == "PermissionFilter":
        return lambda item: all(
            any(re.fullmatch(each.replace("assets:", r"assets\..*:"), p) for p in item.get("_permissions", []))
            for each in config
        )
    raise ValueError(f"unknown type {kind!r}")


def _holds(comparator: str, value: Any, limit: Any) -> bool:
    return bool({"gt": value > limit, "gte": value >= limit, "lt": value < limit, "lte": value <= limit}[comparator])


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"{value!r} is not a number")
    return value


def _shape(item: Feature) -> Any:
    import shapely.geometry

    return shapely.geometry.shape(item["geometry"])


@cache
def moment(text: str) -> datetime:
    """Return a time of the service."""
    text = text.replace("Z", "+00:00")
    whole, dot, rest = text.partition(".")
    if dot:
        fraction, zone = re.fullmatch(r"(\d+)(.*)", rest).groups()  # type: ignore[union-attr]
        text = f"{whole}.{fraction:0<6.6}{zone}"
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=timezone.utc)


def _bucket(when: datetime, interval: str) -> datetime:
    day = when.replace(hour=0, minute=0, second=0, microsecond=0)
    if interval == "hour":
        return day.replace(hour=when.hour)
    if interval == "week":
        return day - timedelta(days=day.weekday())
    return {"day": day, "month": day.replace(day=1), "year": day.replace(month=1, day=1)}[interval]


def asset_names(item: Feature) -> List[str]:
    """Return the names of an item's assets."""
    permitted = [each.split(".", 1)[1].rpartition(":")[0] for each in item.get("_permissions", [])]
    return list(dict.fromkeys([*item.get("assets", []), *permitted]))


# ---- files ------------------------------------------------------------------------------------------------------


def _token(place: Sequence[str], ends: float, generation: int) -> str:
    head = _part(json.dumps({"alg": "HS256", "typ": "JWT"}).encode())
    body = _part(json.dumps({"exp": int(ends), "place": place, "generation": generation}).encode())
    return f"{head}.{body}.{_part(hmac.new(_SECRET, f'{head}.{body}'.encode(), hashlib.sha256).digest())}"


def _part(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _opened(token: str, generation: int) -> Optional[List[str]]:
    head, _, rest = token.partition(".")
    body, _, signature = rest.partition(".")
    if _part(hmac.new(_SECRET, f"{head}.{body}".encode(), hashlib.sha256).digest()) != signature:
        return None
    said = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return said["place"] if said["exp"] > time.time() and said["generation"] == generation else None


def _file(content: bytes, request: Request) -> Answer:
    """Return a file, or the range of it that is asked for in the query that stands for the header."""
    etag = f'"{hashlib.md5(content).hexdigest()}"'
    headers = {"Content-Type": "image/tiff", "ETag": etag, "Accept-Ranges": "bytes"}
    ranges = (request.query.get("\0range") or [""])[0]
    match = re.fullmatch(r"bytes=(\d+)-(\d*)", ranges)
    if match is None:
        return 200, content, headers
    first, last = int(match[1]), min(int(match[2] or len(content)), len(content) - 1)
    if first > last:
        return 416, b"", {"Content-Range": f"bytes */{len(content)}"}
    return 206, content[first : last + 1], {**headers, "Content-Range": f"bytes {first}-{last}/{len(content)}"}


def geotiff(item: Feature, bands: int) -> bytes:
    """Return a GeoTIFF over the bounds of an item, with pixels of its id, in EPSG:4326."""
    import numpy
    from rasterio.io import MemoryFile
    from rasterio.transform import from_bounds

    seed = zlib.crc32(item["id"].encode())
    pixels = numpy.random.default_rng(seed).integers(1, 255, (bands, 96, 96), "uint8")
    transform = from_bounds(*_shape(item).bounds, 96, 96)
    profile = {"driver": "GTiff", "width": 96, "height": 96, "count": bands, "dtype": "uint8", "crs": "EPSG:4326"}
    with MemoryFile() as memory:
        with memory.open(
            **profile, transform=transform, compress="deflate", tiled=True, blockxsize=32, blockysize=32
        ) as to:
            to.write(pixels)
        return bytes(memory.read())


def quad_tiff(level: int, quad_id: str) -> bytes:
    """Return the GeoTIFF of a quad of 256 pixels, in EPSG:3857."""
    import numpy
    from rasterio.io import MemoryFile
    from rasterio.transform import from_origin

    side = 2 * math.pi * 6378137 / 2**level
    x, y = map(int, quad_id.split("-"))
    west, north = x * side - math.pi * 6378137, (y + 1) * side - math.pi * 6378137
    pixels = numpy.full((4, 256, 256), 255, "uint8")
    pixels[:3] = zlib.crc32(quad_id.encode()) % 250
    with MemoryFile() as memory:
        with memory.open(
            driver="GTiff", width=256, height=256, count=4, dtype="uint8", crs="EPSG:3857",
            transform=from_origin(west, north, side / 256, side / 256),
        ) as to:  # fmt: skip
            to.write(pixels)
        return bytes(memory.read())


def quad_box(level: int, quad_id: str) -> Tuple[float, float, float, float]:
    """Return west, south, east, north of a quad of 256 pixels in degrees."""
    x, y = map(int, quad_id.split("-"))

    def degrees(column: float, row: float) -> Tuple[float, float]:
        return column / 2**level * 360 - 180, math.degrees(math.atan(math.sinh(math.pi * (2 * row / 2**level - 1))))

    return (*degrees(x, y), *degrees(x + 1, y + 1))


def png(width: int, height: int) -> bytes:
    """Return a grey picture."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    rows = b"".join(b"\0" + b"\x80\x80\x80" * width for _ in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


# ---- items ------------------------------------------------------------------------------------------------------


def real_items(folder: Path) -> List[Feature]:
    """Return the real items of a folder of recorded answers, with their own links."""
    found: List[Feature] = json.loads((folder / "item_per_type.json").read_text())
    for path in sorted(folder.glob("*.json")):
        if path.name.startswith(("data_item", "search_result")):
            found.append(json.loads(path.read_text()))
    for path in sorted((folder.parent / "planet-order").rglob("*_metadata.json")):
        found.append(json.loads(path.read_text()))
    return found


def generated_items(item_type: str, count: int, seed: int = 1, days: int = 60) -> List[Feature]:
    """Return items such as PSScene has, with ties of their times, missing values and properties without a column."""
    chance = random.Random(seed)
    begin = datetime(2022, 1, 1, tzinfo=timezone.utc)
    found = []
    for number in range(count):
        when = begin + timedelta(seconds=chance.randrange(days * 86400), microseconds=chance.choice([0, 676173, 5]))
        if number % 50 == 0:
            when = begin + timedelta(days=days // 2)  # a strip of one time
        satellite = chance.choice(["1061", "105e", "2414", "247a"])
        lon, lat = chance.uniform(-170, 169), chance.uniform(-70, 69)
        said: Dict[str, Any] = {
            "acquired": when.isoformat().replace("+00:00", "Z"),
            "anomalous_pixels": chance.choice([0, 0.02]),
            "clear_percent": chance.randrange(101),
            "cloud_cover": chance.choice([0, 1, round(chance.random(), 2)]),
            "ground_control": chance.random() < 0.8,
            "gsd": chance.choice([3.6, 3.8, 4]),
            "instrument": chance.choice(["PS2.SD", "PSB.SD"]),
            "item_type": item_type,
            "pixel_resolution": 3,
            "provider": "planetscope",
            "published": (when + timedelta(hours=chance.randrange(1, 90))).isoformat().replace("+00:00", "Z"),
            "publishing_stage": "finalized",
            "quality_category": chance.choice(["standard", "test"]),
            "satellite_id": satellite,
            "strip_id": str(5321496 + number // 9),
            "sun_azimuth": round(chance.uniform(0, 360), 1),
            "sun_elevation": round(chance.uniform(-5, 80), 1),
            "updated": (when + timedelta(hours=100)).isoformat().replace("+00:00", "Z"),
            "view_angle": round(chance.uniform(0, 5), 1),
        }
        if number % 7 == 0:
            del said["clear_percent"]
        if number % 11 == 0:
            said["cloud_cover"] = None
        if number % 13 == 0:
            said["ps4b_geometry"] = {"type": "Point", "coordinates": [lon, lat]}
        ring = [[lon, lat], [lon + 0.4, lat - 0.05], [lon + 0.45, lat + 0.2], [lon + 0.05, lat + 0.25], [lon, lat]]
        assets = ["ortho_visual", "ortho_analytic_4b", "ortho_udm2", "ortho_analytic_4b_xml"]
        assets += ["ortho_analytic_8b"] if said["instrument"] == "PSB.SD" else []
        found.append(
            {
                "type": "Feature",
                "id": f"{when:%Y%m%d_%H%M%S}_{number:05d}_{satellite}",
                "_permissions": [
                    f"assets.{name}:download" for name in assets if not (number % 17 == 0 and "4b" in name)
                ],
                "assets": assets,
                "geometry": {"type": "Polygon", "coordinates": [ring]},
                "properties": said,
            }
        )
    return found


def with_links(items: Iterable[Feature], url: str) -> List[Feature]:
    """Return items with the links of a service."""
    found = []
    for item in items:
        root = f"{url}item-types/{quote(item['properties']['item_type'])}/items/{quote(item['id'])}"
        links = {"_self": root, "assets": f"{root}/assets/", "thumbnail": f"{root}/thumb"}
        found.append({**item, "_links": links})
    return found


# ---- the server -------------------------------------------------------------------------------------------------


def _json(status: int, body: Any) -> Answer:
    return status, json.dumps(body).encode(), {"Content-Type": "application/json"}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def _respond(self) -> None:
        parts = urlsplit(self.path)
        query = parse_qs(parts.query)
        if self.headers.get("Range"):
            query["\0range"] = [self.headers["Range"]]
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        request = Request(
            self.command, parts.path, query, _key(self.headers.get("Authorization", "")), body, self.headers["Host"]
        )
        status, content, headers = self.server.answer(request)
        if status == 0:  # the connection breaks
            self.close_connection = True
            return
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_GET = do_POST = do_HEAD = _respond

    def log_message(self, *_: Any) -> None:
        pass


def _key(authorization: str) -> str:
    scheme, _, rest = authorization.partition(" ")
    if scheme == "Basic":
        return base64.b64decode(rest).decode().partition(":")[0]
    return rest if scheme == "api-key" else authorization


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, answer: Callable[[Request], Answer]) -> None:
        self.answer = answer
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # a client that closed its connection


class Running:
    """A service, or a store of files, in a thread."""

    def __init__(self, answer: Callable[[Request], Answer]) -> None:
        self._server = _Server(answer)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End it."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def start(items: Sequence[Feature]) -> Tuple[DataV1Service, Running]:
    """Start a service of some items."""
    service = DataV1Service()
    running = Running(lambda request: service.answer(request))
    service.url = f"http://127.0.0.1:{running.port}/data/v1/"
    service.items = with_links(items, service.url)
    return service, running


@dataclass(repr=False)
class Store:
    """A store of signed addresses on another host, which wants no key."""

    service: DataV1Service
    log: List[Request] = field(default_factory=list)
    url: str = ""

    def answer(self, request: Request) -> Answer:
        self.log.append(request)
        if request.key:
            return 400, b"only one way to authenticate", {}
        if int((request.query.get("Expires") or ["0"])[0]) < time.time():
            return 403, b"expired", {}
        place = unquote(request.path[1:]).split("/")
        if place[0] == "quad":
            return _file(self.service.files[request.path[1:]], request)
        if request.query["Signature"] != [str(self.service.generation)]:
            return 403, b"expired", {}
        return _file(self.service.file(*place), request)


def start_store(service: DataV1Service) -> Tuple[Store, Running]:
    """Start a store of a service's files, on another host name."""
    store = Store(service)
    running = Running(lambda request: store.answer(request))
    store.url = f"http://localhost:{running.port}/"
    return store, running
