"""Read imagery in place: products, bands, mosaics, basemaps and tiles as rasterio datasets; pictures and whole files.

=================  =============================================================================
module             purpose
=================  =============================================================================
access             turns a product's link into a name and options for a GDAL version
basemap_names      basemaps as names that stock programs open
described          products as VRTs with overviews; `tiff_header` reads the header they need
vrt_xml            the XML of VRTs; `file_vrts`, `gdal_xml` and `tile_overviews` fill it in
decimated          finds the blocks a reduced read needs; `overview_files` keeps the overviews
product            a product as a dataset
band_stack         several products of a scene as one dataset
stated_values      files with values that the service states and they lack
scene_mosaic       many scenes as one dataset
basemap_quads      basemaps: tiles, and quads as one dataset
quad_cache         quads kept on disk
location_info      the scenes behind a pixel of a basemap
tiles              tiles of a web map as a dataset
pictures           quick looks
download           whole files
partial_file       a file during its download
parallel           several tasks at once
sync               a folder synchronised with a search
session            the key in a `rasterio.Env` or a `fiona.Env`
path_options       the key in force for some hosts, in one GDAL
=================  =============================================================================

`planet_vector.rasters` opens them by their names. No part of GDAL is imported before it is used, so that the driver
can load `access` in any Python.
"""
