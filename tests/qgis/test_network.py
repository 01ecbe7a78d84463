"""QGIS's proxy and certificates reach what asks the service from Python, and GDAL."""

from __future__ import annotations

import base64
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Iterator, List
from urllib.parse import urlsplit

import pytest
import requests
from qgis.core import QgsNetworkAccessManager, QgsRasterLayer, QgsSettings

from planet_vector.query import Query
from tests.conftest import Service
from tests.schemas import ORTHO

PREFIX = "proxy/"


class Proxy:
    """An HTTP proxy on loopback that hands requests on, and keeps their addresses and credentials."""

    def __init__(self) -> None:
        seen: List[str] = []
        credentials: List[str] = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:  # noqa: N802 - the library's name
                seen.append(self.path)
                credentials.append(self.headers.get("Proxy-Authorization", ""))
                headers = {n: v for n, v in self.headers.items() if not n.lower().startswith("proxy-")}
                with requests.Session() as session:
                    session.trust_env = False
                    answer = session.request(self.command, self.path, headers=headers, timeout=30)
                self.send_response(answer.status_code)
                self.send_header("Content-Type", answer.headers.get("Content-Type", ""))
                self.send_header("Content-Length", str(len(answer.content)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(answer.content)

            do_HEAD = do_GET  # noqa: N815 - the library's name

            def log_message(self, *_: Any) -> None:
                pass

        self.seen, self.credentials = seen, credentials
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    """Return a proxy; QGIS's settings are afterwards what they were: without one."""
    from osgeo import gdal

    from planet_scenes import network

    made = Proxy()
    yield made
    made.close()
    QgsSettings().remove("proxy")
    QgsNetworkAccessManager.instance().setupDefaultProxyAndCache()
    network.apply()
    for option in ("GDAL_HTTP_PROXY", "GDAL_HTTP_PROXYUSERPWD"):
        gdal.SetConfigOption(option, None)


def use(proxy: Proxy, user: str = "", word: str = "", excluded: str = "") -> None:
    """Set QGIS's proxy as its options do."""
    from planet_scenes import network

    values = {
        "proxyEnabled": True,
        "proxyType": "HttpProxy",
        "proxyHost": "127.0.0.1",
        "proxyPort": str(proxy.port),
        "proxyUser": user,
        "proxyPassword": word,
        "proxyExcludedUrls": [excluded] if excluded else [],
    }
    for name, value in values.items():
        QgsSettings().setValue(PREFIX + name, value)
    QgsNetworkAccessManager.instance().setupDefaultProxyAndCache()
    network.apply()


def test_the_service_is_asked_through_the_proxy_of_qgis(proxy: Proxy, connection: Any, service: Service) -> None:
    use(proxy, "ann:a", "p@ss/word")
    assert connection.catalog().count(Query.parse(ORTHO, [])) > 0
    assert [urlsplit(seen).port for seen in proxy.seen] == [urlsplit(service.url).port]
    # RFC 7617: base64 of user ":" password, though a user with a colon cannot be told apart there.
    assert base64.b64decode(proxy.credentials[0].partition(" ")[2]) == b"ann:a:p@ss/word"


def test_what_qgis_excludes_is_asked_directly(proxy: Proxy, connection: Any, service: Service) -> None:
    use(proxy, excluded=service.url)
    assert connection.catalog().count(Query.parse(ORTHO, [])) > 0
    assert proxy.seen == []


def test_without_a_proxy_none_is_asked(proxy: Proxy, connection: Any) -> None:
    use(proxy)
    QgsSettings().setValue(PREFIX + "proxyEnabled", False)
    QgsNetworkAccessManager.instance().setupDefaultProxyAndCache()

    from planet_scenes import core

    core.start()
    assert connection.catalog().count(Query.parse(ORTHO, [])) > 0
    assert proxy.seen == []


def test_gdal_reads_through_the_proxy_of_qgis(proxy: Proxy, service: Service) -> None:
    use(proxy)
    QgsRasterLayer(f"/vsicurl/{service.url}nothing-here.tif", "", "gdal")
    assert proxy.seen and urlsplit(proxy.seen[0]).port == urlsplit(service.url).port
