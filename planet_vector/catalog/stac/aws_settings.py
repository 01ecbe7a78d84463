"""The user's AWS settings: keys, profile, region and endpoint, from the environment and from the files of AWS.

The variables are those of AWS's command line and of GDAL's ``/vsis3/``. Files may have roles and single sign-on, which
need requests to services of AWS: ``aws configure export-credentials`` makes variables of them.
"""

from __future__ import annotations

import configparser
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, Mapping, Optional, Tuple
from urllib.parse import urlsplit

from planet_vector.asset_access import AssetAccess
from planet_vector.errors import ConfigError
from planet_vector.user_folders import home_directory

_YES = frozenset({"yes", "true", "on", "1"})
_NO = frozenset({"no", "false", "off", "0"})
_HINT = "make variables of it by 'aws configure export-credentials --format env'"


@dataclass(frozen=True)
class StoreKeys:
    """Keys of a store; never printed.

    Attributes
    ----------
    key_id : str
        Id of the access key.
    secret : str
        Secret of the access key, which is never sent.
    token : str
        Token of a session; empty for a key without one.
    """

    key_id: str = field(repr=False)
    secret: str = field(repr=False)
    token: str = field(default="", repr=False)


@dataclass(frozen=True)
class StoreSettings:
    """How objects of a store are addressed.

    Attributes
    ----------
    endpoint : str
        Origin of the store, such as ``https://eodata.dataspace.copernicus.eu``; empty for AWS.
    region : str
        Region of the store; not used for AWS, where each bucket has its own.
    keys : StoreKeys or None
        Keys to sign addresses with; None for addresses without a signature.
    """

    endpoint: str
    region: str
    keys: Optional[StoreKeys]


def store_settings(access: AssetAccess) -> StoreSettings:
    """Return the user's settings of the store of a connection.

    The keys of the environment belong to the endpoint of the environment. A connection to another endpoint takes the
    keys of the profile that it names.

    Parameters
    ----------
    access : AssetAccess
        Endpoint and profile of the connection.

    Returns
    -------
    StoreSettings
        The settings.

    Raises
    ------
    ConfigError
        If there are no keys, and ``AWS_NO_SIGN_REQUEST`` does not say that none are needed.
    """
    mine = _own_endpoint()
    endpoint = _origin(access.s3_endpoint) if access.s3_endpoint else mine
    profile = access.s3_profile
    named = profile or os.environ.get("AWS_PROFILE") or os.environ.get("AWS_DEFAULT_PROFILE") or "default"
    sections = _sections(named)
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or sections.get("region", "")
    region = region or "us-east-1"
    if os.environ.get("AWS_NO_SIGN_REQUEST", "").lower() in _YES:
        return StoreSettings(endpoint, region, None)
    keys = _keys_of_environment() if endpoint == mine else None
    if keys is None and (endpoint == mine or profile):
        keys = _keys_of(sections)
    if keys is not None:
        return StoreSettings(endpoint, region, keys)
    if any(name in sections for name in ("sso_session", "sso_start_url", "role_arn", "credential_process")):
        raise ConfigError(f"The profile {named!r} of your AWS settings has no keys but a login: {_HINT}.")
    if access.s3_endpoint and endpoint != mine:
        where = f"the profile {named!r} of ~/.aws/credentials, or in AWS_ACCESS_KEY_ID with AWS_S3_ENDPOINT"
        raise ConfigError(f"There are no keys of the store {endpoint}: put them in {where}.")
    raise ConfigError(
        "There are no AWS keys to read s3:// addresses with: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or "
        "AWS_NO_SIGN_REQUEST=YES for a public bucket."
    )


def _own_endpoint() -> str:
    """Return the endpoint of the environment, as GDAL or AWS's command line name it; empty for AWS."""
    address = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    if address:
        return _origin(address)
    host = os.environ.get("AWS_S3_ENDPOINT")
    if not host or host == "s3.amazonaws.com":
        return ""
    if "://" in host:
        return _origin(host)
    scheme = "http" if os.environ.get("AWS_HTTPS", "").lower() in _NO else "https"
    return _origin(f"{scheme}://{host}")


def _origin(host: str) -> str:
    parts = urlsplit(host if "://" in host else f"https://{host}")
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        raise ConfigError("The endpoint of your AWS settings is not an address of a host: check AWS_S3_ENDPOINT.")
    return f"{parts.scheme}://{parts.netloc.lower()}"


def _keys_of_environment() -> Optional[StoreKeys]:
    key_id, secret = os.environ.get("AWS_ACCESS_KEY_ID"), os.environ.get("AWS_SECRET_ACCESS_KEY")
    return StoreKeys(key_id, secret, os.environ.get("AWS_SESSION_TOKEN", "")) if key_id and secret else None


def _keys_of(section: Mapping[str, str]) -> Optional[StoreKeys]:
    key_id, secret = section.get("aws_access_key_id"), section.get("aws_secret_access_key")
    return StoreKeys(key_id, secret, section.get("aws_session_token", "")) if key_id and secret else None


def _sections(profile: str) -> Mapping[str, str]:
    """Return the entries of a profile in the file of settings and the file of keys."""
    found: Dict[str, str] = {}
    for path, section in _files(profile):
        parser = configparser.RawConfigParser()
        try:
            parser.read_string(path.read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            continue
        except (OSError, ValueError, configparser.Error) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not an INI file"
            raise ConfigError(f"Your AWS settings in {path} cannot be read ({why}): correct the file.") from None
        if parser.has_section(section):
            found.update(parser.items(section))
    return found


def _files(profile: str) -> Tuple[Tuple[Path, str], ...]:
    home = home_directory()
    places = []
    for variable, name, section in (
        ("AWS_CONFIG_FILE", "config", profile if profile == "default" else f"profile {profile}"),
        ("AWS_SHARED_CREDENTIALS_FILE", "credentials", profile),
    ):
        if os.environ.get(variable):
            places.append((Path(os.environ[variable]).expanduser(), section))
        elif home is not None:
            places.append((home / ".aws" / name, section))
    return tuple(places)
