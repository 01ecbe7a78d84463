"""QGIS's proxy and certificates, for requests made from Python.

GDAL's own connections get the proxy from QGIS itself.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Dict, Optional
from urllib.parse import quote, urlsplit

from osgeo import gdal
from qgis.core import QgsApplication, QgsNetworkAccessManager, QgsSettings
from qgis.PyQt.QtNetwork import QNetworkProxy

from planet_vector.errors import ConfigError
from planet_vector.http.service_session import set_network
from planet_vector.private_files import make_folder, read_private, write_private
from planet_vector.raster.credential_files import temporary_folder
from planet_vector.user_folders import user_directory

_FILE = "qgis-certificates.pem"
_SCHEMES = {QNetworkProxy.ProxyType.HttpProxy: "http", QNetworkProxy.ProxyType.Socks5Proxy: "socks5h"}


def apply() -> None:
    """Apply QGIS's network settings; call on the main thread, before any request."""
    certificates = _certificates()
    set_network(_proxies(), certificates)
    if certificates is not None:
        gdal.SetConfigOption("CURL_CA_BUNDLE", certificates)


def _proxies() -> Optional[Dict[str, str]]:
    """Return QGIS's proxy in the form of requests, or None if QGIS uses the system's."""
    if not QgsSettings().value("proxy/proxyEnabled", False, type=bool):
        return None
    manager = QgsNetworkAccessManager.instance()
    proxy = manager.fallbackProxy()
    scheme = _SCHEMES.get(proxy.type())
    if scheme is None or not proxy.hostName():
        return None
    user = f"{quote(proxy.user(), safe='')}:{quote(proxy.password(), safe='')}@" if proxy.user() else ""
    address = f"{scheme}://{user}{proxy.hostName()}:{proxy.port()}"
    proxies = {"http": address, "https": address}
    # QGIS excludes addresses by prefix; requests excludes by host.
    for excluded in (*manager.excludeList(), *manager.noProxyList()):
        parts = urlsplit(excluded if "://" in excluded else f"https://{excluded}")
        if parts.hostname:
            for kind in ("http", "https"):
                proxies[f"{kind}://{parts.hostname}"] = ""
    return proxies


def _certificates() -> Optional[str]:
    """Return a file of the certificate authorities that QGIS trusts, or None if they are the system's."""
    manager = QgsApplication.authManager()
    if manager.isDisabled() or not (manager.extraFileCAs() or manager.databaseCAs()):
        return None
    text = bytes(manager.trustedCaCertsPemText())
    try:
        return str(_written(user_directory("cache") / _FILE, text))
    except (ConfigError, OSError):  # without a writable home directory
        return str(_written(temporary_folder() / _FILE, text))


def _written(path: Path, text: bytes) -> Path:
    """Write a file unless it exists with this content, and return its path."""
    with suppress(OSError):
        if read_private(path, len(text))[0] == text:
            return path
    make_folder(path.parent)
    write_private(path, text, ".certificates-")
    return path
