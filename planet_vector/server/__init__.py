"""A folder of GeoTIFFs served as a Scenes API v0.

::

    archive   what lies in the folder           footprint  a raster's metadata, derived from the raster
    index     the scenes in an SQLite file      search     a request's parameters, checked
    app       the API's routes                  imagery    thumbnails and tiles
    rendering pictures drawn, in processes          reading    windows of files, at a known cost
    delivery  products, by themselves or behind a signed address on a second origin

It shares the vocabulary of searches (`planet_vector.query`) with the client, and nothing else.
"""
