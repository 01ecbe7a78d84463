"""Local service: a folder of GeoTIFFs served as a Scenes API v0.

::

    api       routes of the API, permissions, responses
    index     SQLite index of the scenes: updates and searches
    imagery   thumbnails, tiles and quads, and their sources
    archive   files of the folder and metadata of its rasters
    sample    sample archive

Each package imports only those below it. Beside them are the server processes (`run`, `worker`) and the worker
processes with bounded time and memory (`jobs`). The service shares only the search vocabulary (`planet_vector.query`)
and the raster metadata (`planet_vector.pixels`) with the client.
"""
