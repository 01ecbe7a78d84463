"""The one part of the packaging that setup.cfg cannot state: README as an index of packages shows it.

Links and pictures of README are relative, so that they lead to files of the same version. An index has none of these
files: there, links are absolute, below the address ``Source`` of setup.cfg, and lead to the tag of the version.
"""

import re
from configparser import ConfigParser
from pathlib import Path

ROOT = Path(__file__).resolve().parent


def absolute(text: str, source: str, version: str) -> str:
    """Return Markdown with its relative links as absolute ones.

    Parameters
    ----------
    text : str
        The page.
    source : str
        Address of the repository.
    version : str
        The version, whose tag is ``v<version>``.

    Returns
    -------
    str
        The page, with links to ``<source>/blob/<tag>/`` and pictures of ``<source>/raw/<tag>/``.
    """

    def link(match: re.Match[str]) -> str:
        picture, label, target = match.groups()
        return f"{picture}[{label}]({source}/{'raw' if picture else 'blob'}/v{version}/{target})"

    return re.sub(r"(!?)\[([^\]]*)\]\((?!\w+:|#)([^)\s]+)\)", link, text)


def long_description() -> str:
    """Return README with absolute links."""
    config = ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    urls = dict(line.split(" = ") for line in config["metadata"]["project_urls"].strip().splitlines())
    text = (ROOT / "planet_vector" / "version.py").read_text(encoding="utf-8")
    version = re.findall(r'^__version__ = "(.+)"$', text, re.M)[0]
    return absolute((ROOT / "README.md").read_text(encoding="utf-8"), urls["Source"], version)


if __name__ == "__main__":
    from setuptools import setup  # which an environment of Python 3.12 or later has only while it builds

    setup(long_description=long_description())
