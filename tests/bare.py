"""Code for a Python that imports only the standard library, requests and its dependencies."""

from __future__ import annotations

REFUSE = """
import sys
from importlib.machinery import PathFinder

class Refuse:
    asked = {"requests", "urllib3", "idna", "certifi", "charset_normalizer", "chardet", "six",
             "planet_vector"}
    refused = set()

    @classmethod
    def find_spec(cls, name, path=None, target=None):
        spec = PathFinder.find_spec(name) if path is None and name not in cls.asked else None
        places = [] if spec is None else [spec.origin, *(spec.submodule_search_locations or [])]
        if any("-packages" in (place or "") for place in places):  # site-packages, Debian's dist-packages
            cls.refused.add(name)
            raise ModuleNotFoundError(f"{name} is refused", name=name)
        return None

sys.meta_path.insert(0, Refuse)
"""
"""Code to run first. Add further allowed imports to `Refuse.asked`; `Refuse.refused` lists those that were blocked."""
