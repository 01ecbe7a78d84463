"""Imagery where it lies: products, bands, mosaics, basemaps and tiles as rasterio datasets; pictures and whole files.

=================  =============================================================================
module             does
=================  =============================================================================
access             a product's link becomes a name and options for the GDAL at hand
basemap_names      basemaps of the service as names that stock programs open
described          products as VRTs with overviews; `tiff_header` reads what they say of a file
vrt_xml            the XML of VRTs; `file_vrts`, `gdal_xml` and `tile_overviews` say what goes into it
decimated          what a look from afar takes of a file; `overview_files` keeps what comes of it
product            a product as a dataset
band_stack         several products of a scene as one dataset
scene_mosaic       many scenes as one dataset
basemap_quads      basemaps: tiles, and quads as one dataset
quad_cache         quads kept on disk
location_info      the scenes behind a pixel of a basemap
tiles              tiles of a web map as a dataset
pictures           quick looks
download           whole files
partial_file       a file while it comes in
parallel           several tasks at once
sync               a folder kept as a search has it
session            the key in a `rasterio.Env` or a `fiona.Env`
path_options       the key in force for some hosts, in one GDAL
=================  =============================================================================

`planet_vector.rasters` opens them by their names. Nothing of GDAL is imported before it is used, so that the driver can
load `access` anywhere.
"""
