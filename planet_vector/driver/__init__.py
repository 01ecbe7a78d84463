"""Implementation of GDAL's Python driver: datasets and layers, errors, Ctrl-C, and the registration.

Only the standard library and requests are required, as GDAL runs this in any Python it finds.
"""
