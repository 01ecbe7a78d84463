"""A STAC API in memory, over HTTP, with the habits and the faults of services in the wild."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Tuple
from urllib.parse import parse_qsl, urlsplit

import shapely
import shapely.geometry

from planet_vector.connection_file import add_connection
from tests.conftest import SHARED_DATA

RECORDED = SHARED_DATA / "stac"
Item = Dict[str, Any]

_CONFORMANCE = "https://api.stacspec.org/v1.0.0/"
_CORE = [f"{_CONFORMANCE}core", f"{_CONFORMANCE}item-search", f"{_CONFORMANCE}collections"]
_BY_ABILITY = {
    "sort": [f"{_CONFORMANCE}item-search#sort"],
    "query": [f"{_CONFORMANCE}item-search#query"],
    "cql2": [
        "https://api.stacspec.org/v1.0.0-rc.2/item-search#filter",
        "http://www.opengis.net/spec/cql2/1.0/conf/cql2-json",
    ],
}


def make_items(count: int, collection: str = "scenes", every: timedelta = timedelta(hours=5)) -> List[Item]:
    """Return items over the globe and over time; two of them have each time."""
    items = []
    for number in range(count):
        x, y = (number * 37.3) % 350 - 175, (number * 13.7) % 160 - 80
        moment = datetime(2024, 5, 1, 0, 0, 0, 123456, tzinfo=timezone.utc) + number // 2 * every
        ring = [[x, y], [x + 1, y], [x + 1, y + 1], [x, y + 1], [x, y]]
        items.append(
            {
                "type": "Feature",
                "stac_version": "1.0.0",
                "id": f"{collection}-{number}",
                "collection": collection,
                "geometry": {"type": "Polygon", "coordinates": [ring]},
                "bbox": [x, y, x + 1, y + 1],
                "properties": {
                    "datetime": moment.isoformat().replace("+00:00", "Z"),
                    "eo:cloud_cover": (number * 7919 % 1000) / 10,
                    "gsd": 10 if number % 3 else 20,
                    "platform": "sentinel-2a" if number % 2 else "sentinel-2b",
                    "proj:shape": [10, 10],
                },
                "links": [],
                "assets": {
                    "red": {
                        "href": f"https://assets.example/{number}.tif",
                        "type": "image/tiff; application=geotiff; profile=cloud-optimized",
                        "roles": ["data"],
                        "eo:bands": [{"name": "B04", "common_name": "red"}],
                    }
                },
            }
        )
    return items


@dataclass
class Habits:
    """Abilities and faults of the server."""

    counts: bool = True
    abilities: Tuple[str, ...] = ("sort", "cql2")
    posts: bool = True
    honours: bool = True  # filters
    links: str = "whole"  # the body of links to the next page: "whole", "token" or "merge"
    largest: int = 10_000  # items on a page
    fault: str = ""
    fails_above: int = 40  # items on a page, for the faults that depend on it
    root: str = "/"
    next_headers: Optional[Mapping[str, Any]] = None  # that links to the next page ask for


@dataclass
class StacServer:
    """The server; `seen` holds path and body of each request."""

    items: List[Item]
    habits: Habits = field(default_factory=Habits)
    seen: List[Tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    headers: List[Dict[str, str]] = field(default_factory=list)
    url: str = ""
    other: Optional[StacServer] = None
    _tokens: Dict[str, Tuple[Mapping[str, Any], int]] = field(default_factory=dict)
    _failed: int = 0

    def searches(self) -> List[Mapping[str, Any]]:
        return [body for path, body in self.seen if path.endswith("search")]

    # ---- answers -----------------------------------------------------------------------------------------

    def answer(self, path: str, body: Mapping[str, Any]) -> Tuple[int, Any]:
        self.seen.append((path, body))
        root = self.url.rstrip("/")
        ids = sorted({item["collection"] for item in self.items}) or ["scenes"]
        if path == "":
            conforms = _CORE + [uri for ability in self.habits.abilities for uri in _BY_ABILITY[ability]]
            links = [{"rel": "data", "href": f"{root}/collections"}, {"rel": "search", "href": f"{root}/search"}]
            if self.habits.posts:
                links.append({"rel": "search", "method": "POST", "href": f"{root}/search"})
            about = {"type": "Catalog", "id": "test", "description": "Test", "stac_version": "1.0.0"}
            return 200, {**about, "conformsTo": conforms, "links": links}
        if path == "/collections":
            return 200, {"collections": [self._collection(name) for name in ids], "links": []}
        name = path.rpartition("/")[2]
        if path.startswith("/collections/"):
            return (200, self._collection(name)) if name in ids else (404, {"code": "NotFound"})
        if path == "/search":
            return self._search(body)
        return 404, {"code": "NotFound"}

    def _collection(self, name: str) -> Dict[str, Any]:
        return {"type": "Collection", "id": name, "stac_version": "1.0.0", "links": [], "extent": {}}

    def _search(self, body: Mapping[str, Any]) -> Tuple[int, Any]:
        skip, fault = 0, self.habits.fault
        if "token" in body:
            asked, skip = self._tokens[body["token"]]
            body = {**asked, **({} if fault == "filters lost" else body)}
            if fault == "filters lost":
                body = {"limit": body["limit"]}
        limit = min(int(body.get("limit", 10)), self.habits.largest)
        if fault.isdigit() and limit > self.habits.fails_above:
            return int(fault), {"code": "TooLarge"}
        if fault == "fails once" and self._failed < 1:
            self._failed += 1
            return 503, {}
        found = self.found(body)
        page = found[skip : skip + limit]
        end = skip + len(page)
        answer: Dict[str, Any] = {"type": "FeatureCollection", "features": page, "links": []}
        if self.habits.counts:
            answer["numberMatched"] = len(found) + (3 if fault == "count too large" else 0)
            if fault == "count estimated" and len(found) > 50:  # as pgstac, which estimates expensive counts
                answer["numberMatched"] = len(found) * 4 // 3 + 7
            if fault == "count estimated low" and len(found) > 50:
                answer["numberMatched"] = len(found) * 2 // 3
        more = end < len(found)
        if fault == "next missing":
            more = False
        if fault == "next missing after the second page" and skip:
            more = False
        if fault == "item twice" and skip:
            page.insert(0, found[skip - 1])
        if fault == "pages repeat" and skip:
            answer["features"] = found[: len(page)]
        if fault == "sorted pages repeat" and skip and "sortby" in body:
            answer["features"] = found[: len(page)]
        if fault == "empty pages" and skip:
            answer["features"], more, end = [], True, skip
        if fault == "not a page":
            return 200, {"features": [{"id": 3}]}
        if more:
            answer["links"] = [self._next(body, skip if fault == "next loops" else end)]
        return 200, answer

    def _next(self, body: Mapping[str, Any], skip: int) -> Dict[str, Any]:
        token = f"t{len(self._tokens)}" if self.habits.fault != "next loops" else "loop"
        self._tokens[token] = {name: value for name, value in body.items() if name != "token"}, skip
        root = self.url.rstrip("/")
        fault = self.habits.fault
        if fault == "next on another host":
            assert self.other is not None
            root = self.other.url.rstrip("/")
        if fault == "next of another scheme":
            root = root.replace("http://", "https://")
        if fault == "next of another path":
            root += "/elsewhere"
        if not self.habits.posts:
            href = f"{root}/search?token={token}&limit={body.get('limit', 10)}"
            return {"rel": "next", "href": href, "headers": self.habits.next_headers}
        link: Dict[str, Any] = {"rel": "next", "method": "POST", "href": f"{root}/search"}
        if self.habits.next_headers:
            link["headers"] = self.habits.next_headers
        whole = {**self._tokens[token][0], "token": token}
        link["body"] = whole if self.habits.links == "whole" else {"token": token}
        if self.habits.links == "merge":
            link["merge"] = True
        return link

    def found(self, body: Mapping[str, Any]) -> List[Item]:
        """Return the items of a search, in the order of the service."""
        items = [item for item in self.items if self._meets(item, body)]
        order = body.get("sortby")
        if order and self.habits.fault != "order ignored" and "sort" in self.habits.abilities:
            items.sort(key=sort_key, reverse=order[0]["direction"] == "desc")
        return items

    def _meets(self, item: Item, body: Mapping[str, Any]) -> bool:
        if item["collection"] not in body.get("collections", [item["collection"]]):
            return False
        if "ids" in body and item["id"] not in body["ids"]:
            return False
        if "datetime" in body and not in_interval(item, body["datetime"]):
            return False
        if "bbox" in body:
            west, south, east, north = body["bbox"]
            # as pgstac 0.10: a box across the antimeridian finds nothing
            if item["geometry"] is None or west > east:
                return False
            if not shapely.geometry.shape(item["geometry"]).intersects(shapely.box(west, south, east, north)):
                return False
        if "intersects" in body:
            area = shapely.geometry.shape(body["intersects"])
            if item["geometry"] is None or not shapely.geometry.shape(item["geometry"]).intersects(area):
                return False
        if self.habits.fault == "filters find nothing" and ("filter" in body or "query" in body):
            return False
        if not self.habits.honours:
            return True
        comparisons: List[Tuple[str, str, float]] = []
        if "filter" in body and "cql2" in self.habits.abilities:
            assert body["filter-lang"] == "cql2-json"
            whole = body["filter"]
            for each in whole["args"] if whole["op"] == "and" else [whole]:
                comparisons.append((each["args"][0]["property"], each["op"], each["args"][1]))
        if "query" in body and "query" in self.habits.abilities:
            signs = {"lte": "<=", "gte": ">="}
            comparisons += [(n, signs[s], v) for n, each in body["query"].items() for s, v in each.items()]
        for name, sign, limit in comparisons:
            value = item["properties"].get(name)
            if not isinstance(value, (int, float)) or not (value <= limit if sign == "<=" else value >= limit):
                return False
        return True


def parse(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def sort_key(item: Item) -> datetime:
    properties = item["properties"]
    return parse(properties.get("datetime") or properties["start_datetime"])


def in_interval(item: Item, interval: str) -> bool:
    """Return whether the time of an item lies in an interval, whose ends belong to it; spans of time overlap it."""
    low, _, high = interval.partition("/")
    properties = item["properties"]
    first = parse(properties.get("start_datetime") or properties["datetime"])
    last = parse(properties.get("end_datetime") or properties["datetime"])
    return (low == ".." or last >= parse(low)) and (high == ".." or first <= parse(high))


# ---- HTTP ------------------------------------------------------------------------------------------------


def serve(server: StacServer) -> Iterator[StacServer]:
    """Serve, until the iterator is closed."""
    with _running(lambda path, body, headers: _answered(server, path, body, headers)) as url:
        server.url = url.rstrip("/") + server.habits.root
        yield server


def _answered(server: StacServer, path: str, body: Mapping[str, Any], headers: Dict[str, str]) -> Tuple[int, Any]:
    server.headers.append(headers)
    root = server.habits.root.rstrip("/")
    if not path.startswith(root):
        return 404, {}
    return server.answer(path[len(root) :].rstrip("/"), body)


class _running:
    def __init__(self, answer: Callable[[str, Mapping[str, Any], Dict[str, str]], Tuple[int, Any]]) -> None:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # headers and body in one packet: the second would wait for the acknowledgement of the first

            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                body: Dict[str, Any] = dict(parse_qsl(parts.query))
                for name in ("collections", "ids"):
                    if name in body:
                        body[name] = body[name].split(",")
                if "bbox" in body:
                    body["bbox"] = [float(number) for number in body["bbox"].split(",")]
                if "intersects" in body:
                    body["intersects"] = json.loads(body["intersects"])
                self.reply(parts.path, body)

            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers["Content-Length"]))
                self.reply(urlsplit(self.path).path, json.loads(content))

            def reply(self, path: str, body: Mapping[str, Any]) -> None:
                status, content = answer(path, body, dict(self.headers))
                text = content if isinstance(content, bytes) else json.dumps(content).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

        self._server = Server(("127.0.0.1", 0), Handler)

    def __enter__(self) -> str:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return f"http://127.0.0.1:{self._server.server_port}/"

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class Recording:
    """Recorded answers, served at this host: their addresses are rewritten from the service's root to this one."""

    def __init__(self, root: str, names: List[str]) -> None:
        self._root = root.rstrip("/")
        self._answers: Dict[str, Tuple[int, Any]] = {}
        self.unknown: List[str] = []
        for name in names:
            kept = json.loads((RECORDED / f"{name}.json").read_text())
            self._answers[self._key(kept["request"]["url"], kept["request"]["body"])] = kept["status"], kept["answer"]

    def add(self, path: str, body: Optional[Mapping[str, Any]], answer: Any) -> None:
        """Add an answer that was not recorded."""
        self._answers[self._key(self._root + path, body)] = 200, answer

    def __call__(self, url: str, path: str, body: Mapping[str, Any]) -> Tuple[int, Any]:
        key = self._key(self._root + (path.rstrip("/") or ""), body or None)
        if key not in self._answers:
            self.unknown.append(key)
            return 404, {"code": "NotFound", "description": "not recorded"}
        status, answer = self._answers[key]
        text = json.dumps(answer).replace(f'"{self._root}', f'"{url.rstrip("/")}')
        return status, json.loads(text)

    def _key(self, url: str, body: Optional[Mapping[str, Any]]) -> str:
        return json.dumps([url.rstrip("/"), body], sort_keys=True)

    def serving(self) -> _running:
        """Return a context that serves the recording, and gives the address."""
        place = _running(lambda path, body, headers: self(url(), path, body))

        def url() -> str:
            return f"http://127.0.0.1:{place._server.server_port}/"

        return place


def connect_to(url: str, name: str = "test") -> None:
    """Make a connection to a server."""
    add_connection(name, url, "stac")


def recorded_item(name: str) -> Item:
    found = json.loads(Path(RECORDED / name).read_text())
    item: Item = found.get("answer", found)
    return item
