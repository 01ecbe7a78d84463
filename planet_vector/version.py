"""The version of this package, which kept results and answers of the service are told apart by."""

__version__ = "0.2.0"
