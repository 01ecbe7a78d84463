"""Addresses of objects in S3 stores, signed by AWS's Signature Version 4 in their query.

Algorithm: AWS, "Authenticating Requests: Using Query Parameters (AWS Signature Version 4)" in the API reference of S3.
The secret of the key is not part of an address. Object keys are percent-encoded once.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from datetime import datetime
from typing import Dict, NamedTuple, Optional
from urllib.parse import quote, unquote, urlsplit

from planet_vector.catalog.stac.aws_settings import StoreKeys

SECONDS = 3600
"""Time for which an address is valid."""

# "General purpose bucket naming rules" of S3.
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_REGION = re.compile(r"[a-z0-9-]{1,32}")


class ObjectPlace(NamedTuple):
    """Place of an object: its bucket and its key."""

    bucket: str
    key: str


def place_of(href: str) -> Optional[ObjectPlace]:
    """Return the place that an ``s3://`` address names, or None if it is not valid.

    Parameters
    ----------
    href : str
        The address.
    """
    try:
        parts = urlsplit(href)
    except ValueError:
        return None
    key = unquote(parts.path[1:]) if "%" in parts.path else parts.path[1:]
    if parts.scheme.lower() != "s3" or not _BUCKET.fullmatch(parts.netloc) or ".." in parts.netloc:
        return None
    if (
        not key
        or parts.query
        or parts.fragment
        or not (href + key).isprintable()
        or {"", ".", ".."} & set(key.split("/"))
    ):
        return None
    return ObjectPlace(parts.netloc, key)


def is_region(text: str) -> bool:
    """Return whether a text is the name of a region.

    Parameters
    ----------
    text : str
        The text.
    """
    return bool(_REGION.fullmatch(text))


def address_of(place: ObjectPlace, endpoint: str, region: str) -> str:
    """Return the address of an object on the web, without a signature.

    Parameters
    ----------
    place : ObjectPlace
        The object.
    endpoint : str
        Origin of the store; empty for AWS.
    region : str
        Region of the bucket, for AWS.
    """
    path = quote(place.key, safe="/-_.~")
    if endpoint:
        return f"{endpoint}/{place.bucket}/{path}"
    domain = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    if "." in place.bucket:  # no certificate covers it as a part of the host
        return f"https://s3.{region}.{domain}/{place.bucket}/{path}"
    return f"https://{place.bucket}.s3.{region}.{domain}/{path}"


def signed(address: str, region: str, keys: StoreKeys, now: datetime, requester_pays: bool = False) -> str:
    """Return the address of an object with a signature in its query, for GET.

    Parameters
    ----------
    address : str
        As `address_of` returns it.
    region : str
        Region of the bucket.
    keys : StoreKeys
        Keys of the store.
    now : datetime
        The time of the signature, UTC.
    requester_pays : bool
        Whether the owner of the key pays.
    """
    parts = urlsplit(address)
    scope = f"{now:%Y%m%d}/{region}/s3/aws4_request"
    query: Dict[str, str] = {
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Credential": f"{keys.key_id}/{scope}",
        "X-Amz-Date": f"{now:%Y%m%dT%H%M%SZ}",
        "X-Amz-Expires": str(SECONDS),
        "X-Amz-SignedHeaders": "host",
    }
    if keys.token:
        query["X-Amz-Security-Token"] = keys.token
    if requester_pays:
        query["x-amz-request-payer"] = "requester"
    text = "&".join(f"{quote(name, safe='')}={quote(value, safe='-_.~')}" for name, value in sorted(query.items()))
    request = "\n".join(["GET", parts.path, text, f"host:{parts.netloc}\n", "host", "UNSIGNED-PAYLOAD"])
    digest = hashlib.sha256(request.encode()).hexdigest()
    message = "\n".join(["AWS4-HMAC-SHA256", query["X-Amz-Date"], scope, digest])
    secret = f"AWS4{keys.secret}".encode()
    for part in scope.split("/"):
        secret = hmac.new(secret, part.encode(), hashlib.sha256).digest()
    return f"{address}?{text}&X-Amz-Signature={hmac.new(secret, message.encode(), hashlib.sha256).hexdigest()}"
