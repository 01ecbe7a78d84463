"""The version of this package, which is part of the keys of its caches."""

__version__ = "0.2.0"
