"""A folder of GeoTIFFs served as a Scenes API v0.

::

    api       the routes of the API, who may ask them, and how answers go out
    index     the scenes in an SQLite file: brought up to date, and searched
    imagery   thumbnails, tiles and quads, and what they are made of
    archive   what lies in the folder, and what its rasters say of themselves
    sample    an archive to try everything on

Each stands on those below it. Beside them are the processes of the service (`run`, `worker`), and those that work for
them within bounds (`jobs`). It shares the vocabulary of searches (`planet_vector.query`) and what rasters say
(`planet_vector.pixels`) with the client, and nothing else.
"""
