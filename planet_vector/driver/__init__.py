"""What GDAL's Python driver hands on to: datasets and layers, errors as GDAL's users see them, and its registration.

Only the standard library and requests are needed, as GDAL runs this in whatever Python it finds.
"""
