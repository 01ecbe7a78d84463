"""Access to the files of assets: which can be opened, by which address, and why others cannot.

An asset may lie on any host, and hosts differ in how they are accessed: without a key, with the key of the connection,
with signed addresses, as objects of a store. A policy covers the addresses of one way of access. `AssetPolicies` has
those of a connection in the order in which they are tried; an asset whose address no policy covers is not opened. What
the user sees of an asset is its address without a signature; it is signed when a request is sent.
"""

from __future__ import annotations

import re
from datetime import datetime, timezone
from functools import lru_cache
from typing import Dict, List, Optional, Protocol, Sequence, Tuple
from urllib.parse import quote, urlsplit

from planet_vector.asset_access import AssetAccess
from planet_vector.catalog.stac.aws_settings import store_settings
from planet_vector.catalog.stac.blob_tokens import BlobTokens
from planet_vector.catalog.stac.json_values import as_object, as_text
from planet_vector.catalog.stac.s3_addresses import address_of, is_region, place_of, signed
from planet_vector.collection_schema import Feature
from planet_vector.errors import AuthError, RasterAccessError, ServiceError
from planet_vector.http.transport import Transport
from planet_vector.roots import origin

GEOTIFF = "image/tiff; application=geotiff"

_TIFFS = ("image/tiff", "image/vnd.stac.geotiff", "image/x.geotiff", "image/geotiff")
_JPEGS_2000 = ("image/jp2", "image/jpeg2000", "image/x.jp2", "image/jpx")
_SUFFIXES = (".tif", ".tiff")
_SUFFIXES_2000 = (".jp2", ".j2k")
# GDAL has its own client of the tokens of this host ("pc_url_signing" of /vsicurl/, since 3.5.2).
_SIGNED_BY_GDAL = ("https", "planetarycomputer.microsoft.com", 443)
# Addresses whose scheme is plain to see: each row of a layer needs that of one.
_PLAIN = re.compile(r"(https?|s3)://[A-Za-z0-9.-]+(?::[0-9]+)?/", re.ASCII)
_BUCKETS = "https://{bucket}.s3.amazonaws.com/"


class AccessPolicy(Protocol):
    """Protocol for one way of access to files."""

    def covers(self, href: str) -> bool:
        """Return whether files at an address are accessed in this way.

        Parameters
        ----------
        href : str
            The absolute address.
        """

    def refusal(self, href: str) -> str:
        """Return why a file cannot be opened, as the end of a sentence about it; empty if it can.

        Parameters
        ----------
        href : str
            The absolute address.
        """

    def locate(self, href: str, transport: Transport) -> str:
        """Return the address to send a request to, signed if it has to be.

        Parameters
        ----------
        href : str
            The absolute address, or one that this method returned before.
        transport : Transport
            Client of the service.

        Raises
        ------
        ConfigError
            If the user has no keys for it.
        ServiceError
            If a request fails.
        """

    def retries(self, address: str) -> bool:
        """Return whether a refused request may succeed with a new address, and forget what was refused.

        Parameters
        ----------
        address : str
            The address, as `locate` returned it.
        """

    def explained(self, href: str, error: ServiceError) -> ServiceError:
        """Return an error of a request with an explanation.

        Parameters
        ----------
        href : str
            The absolute address.
        error : ServiceError
            The error.
        """

    def gdal_name(self, href: str) -> Optional[str]:
        """Return the name by which any GDAL opens a file; None for ``/vsicurl/`` and the address; empty if none does.

        Parameters
        ----------
        href : str
            The absolute address.
        """


class OpenWeb:
    """Files on the web; the key is sent to the API's own origins and to the hosts that the connection names only.

    Methods without a docstring are those of the Protocol `AccessPolicy`.
    """

    def covers(self, href: str) -> bool:
        return scheme_of(href) in ("https", "http")

    def refusal(self, href: str) -> str:
        return ""

    def locate(self, href: str, transport: Transport) -> str:
        return href

    def retries(self, address: str) -> bool:
        return False

    def explained(self, href: str, error: ServiceError) -> ServiceError:
        return error

    def gdal_name(self, href: str) -> Optional[str]:
        return None


class SignedBlobs(OpenWeb):
    """Blobs of Azure, whose addresses are signed by tokens of the service.

    Methods without a docstring are those of the Protocol `AccessPolicy`.

    Parameters
    ----------
    access : AssetAccess
        Hosts of the blobs, and the address of tokens.
    transport : Transport
        Client of the service, which fetches the tokens.
    """

    def __init__(self, access: AssetAccess, transport: Transport) -> None:
        self._hosts = [host.lower() for host in access.signed_hosts]
        self._by_gdal = origin(access.token_url) == _SIGNED_BY_GDAL
        self._tokens = BlobTokens(access.token_url, lambda address: transport.get_json(address).body)

    def covers(self, href: str) -> bool:
        # No token is sent by http to a host of the internet.
        scheme, host, port = _origin(href)
        return any(
            scheme == "https" and host.endswith(each)
            if each.startswith(".")
            else (scheme, host, port) == _origin(each if "://" in each else f"https://{each}")
            for each in self._hosts
        )

    def locate(self, href: str, transport: Transport) -> str:
        return self._tokens.sign(href)

    def retries(self, address: str) -> bool:
        return self._tokens.forget(address)

    def gdal_name(self, href: str) -> Optional[str]:
        return f"/vsicurl?pc_url_signing=yes&url={quote(href, safe='')}" if self._by_gdal else ""


class StoreObjects(OpenWeb):
    """Objects of a store, read with the user's own AWS settings, whose secret is not sent to anyone.

    Methods without a docstring are those of the Protocol `AccessPolicy`.

    Parameters
    ----------
    access : AssetAccess
        The store of the connection, and whether its user pays.
    name : str
        Name of the connection.
    """

    def __init__(self, access: AssetAccess, name: str) -> None:
        self._access, self._name = access, name
        self._regions: Dict[str, str] = {}

    def covers(self, href: str) -> bool:
        return scheme_of(href) == "s3"

    def refusal(self, href: str) -> str:
        return "" if place_of(href) else "its address does not name an object of a store"

    def locate(self, href: str, transport: Transport) -> str:
        place = place_of(href)
        if place is None:
            raise RasterAccessError("The address of the asset does not name an object of a store.")
        settings = store_settings(self._access)
        region = settings.region if settings.endpoint else self._region_of(place.bucket, settings.region, transport)
        address = address_of(place, settings.endpoint, region)
        if settings.keys is None:
            return address
        return signed(address, region, settings.keys, datetime.now(timezone.utc), self._access.requester_pays)

    def explained(self, href: str, error: ServiceError) -> ServiceError:
        if error.status not in (400, 401, 403):
            return error
        remedy = "check that your AWS keys may read it"
        if not self._access.requester_pays:
            command = f"'planet-vector connections access {self._name or 'NAME'} --requester-pays'"
            remedy += f"; if its owner charges for requests, {command} lets you pay them"
        return AuthError(f"The store refuses {href} ({error.status}): {remedy}.", error.request, error.status)

    def gdal_name(self, href: str) -> Optional[str]:
        place = place_of(href)
        return f"/vsis3/{place.bucket}/{place.key}" if place else ""

    def _region_of(self, bucket: str, usual: str, transport: Transport) -> str:
        """Return the region of a bucket of AWS, which its own address tells everyone."""
        if bucket not in self._regions:
            found = transport.response_headers(_BUCKETS.format(bucket=bucket)).get("x-amz-bucket-region", "")
            self._regions[bucket] = found if is_region(found) else usual
        return self._regions[bucket]


class AssetPolicies:
    """Policies of a connection.

    Parameters
    ----------
    access : AssetAccess
        Settings of the connection.
    transport : Transport
        Client of the service.
    name : str, optional
        Name of the connection.
    """

    def __init__(self, access: AssetAccess, transport: Transport, name: str = "") -> None:
        self._access = access
        signing: List[AccessPolicy] = [SignedBlobs(access, transport)] if access.token_url else []
        self._policies: Sequence[AccessPolicy] = (*signing, StoreObjects(access, name), OpenWeb())

    def of(self, href: str) -> Optional[AccessPolicy]:
        """Return the policy that covers an address, or None.

        Parameters
        ----------
        href : str
            The absolute address.
        """
        return next((policy for policy in self._policies if policy.covers(href)), None)

    def chosen(self, asset: Feature, href: str) -> Tuple[str, str]:
        """Return the address by which an asset is opened, and why it cannot be; the latter is empty if it can.

        Preferred alternate locations come first, then the main one; others are used if it cannot be opened.

        Parameters
        ----------
        asset : mapping
            The asset, with its type.
        href : str
            Its main address, absolute.
        """
        media_type = as_text(asset.get("type"))
        there = as_object(asset.get("alternate"))
        if there:
            others = {name: as_text(as_object(value).get("href")) for name, value in there.items()}
            preferred = [others[name] for name in self._access.alternates if name in others]
            for place in (*preferred, href, *others.values()):
                if place and not self.refusal(place, media_type):
                    return place, ""
        return href, self.refusal(href, media_type)

    def refusal(self, href: str, media_type: str) -> str:
        """Return why an asset cannot be opened as a raster, as the end of a sentence about it; empty if it can.

        Parameters
        ----------
        href : str
            Its absolute address.
        media_type : str
            Its media type; may be empty.
        """
        if not is_geotiff(href, media_type) and not (self._access.jpeg2000 and is_jpeg2000(href, media_type)):
            return f"it is not a GeoTIFF but {media_type!r}" if media_type else "it is not a GeoTIFF"
        policy = self.of(href)
        if policy is not None:
            return policy.refusal(href)
        scheme = scheme_of(href)
        return f"addresses of the kind {scheme}:// are not supported" if scheme else "its address is not absolute"


def is_geotiff(href: str, media_type: str) -> bool:
    """Return whether an asset is a GeoTIFF by its media type, or by its name if it has no type.

    Parameters
    ----------
    href : str
        Its address.
    media_type : str
        Its media type; may be empty.
    """
    return _is_of(href, media_type, _TIFFS, _SUFFIXES)


def is_jpeg2000(href: str, media_type: str) -> bool:
    """Return whether an asset is a JPEG 2000 file by its media type, or by its name if it has no type.

    Parameters
    ----------
    href : str
        Its address.
    media_type : str
        Its media type; may be empty.
    """
    return _is_of(href, media_type, _JPEGS_2000, _SUFFIXES_2000)


def _is_of(href: str, media_type: str, types: Tuple[str, ...], suffixes: Tuple[str, ...]) -> bool:
    if media_type:
        return _bare(media_type) in types
    try:
        return urlsplit(href).path.lower().endswith(suffixes)
    except ValueError:
        return False


@lru_cache(maxsize=256)  # a collection has few
def _bare(media_type: str) -> str:
    """Return a media type without its parameters."""
    return media_type.partition(";")[0].strip().lower()


def scheme_of(href: str) -> str:
    """Return the scheme of an address in lower case; empty if it has none.

    Parameters
    ----------
    href : str
        The address.
    """
    if plain := _PLAIN.match(href):
        return plain[1]
    try:
        return urlsplit(href).scheme.lower()
    except ValueError:
        return ""


def _origin(href: str) -> Tuple[str, str, int]:
    try:
        return origin(href)
    except ValueError:
        return "", "", 0
