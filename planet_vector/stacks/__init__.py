"""Stacks: scenes of several dates over the same ground, the ground they share, and crops of it on one grid.

================  ==========================================  ====================
module            does                                        needs
================  ==========================================  ====================
frequent_sets     faces of an overlay → sets of scenes        the standard library
overlap           footprints → stacks                         shapely
rectangle_search  the largest rectangle inside an area        numpy
rectangle_convex  the same inside a convex one, exactly       numpy
parts             the same in each part of an area            numpy
fitting           search for large rectangles                 numpy
narrowing         proof that none is larger                   numpy
insides           points inside an area                       numpy
rectangle         the same for shapely polygons               shapely
utm_grid          the pixels in or around an area, UTM        numpy
stack_grid        the pixels that the crops of a stack share  rasterio
resample          a part of a product on a grid               rasterio
crop              the same window of every scene of a stack   rasterio
time_vrt          crops of one grid as one VRT                rasterio
sheets            contact sheets and animations of crops      Pillow
cube              a stack as an xarray Dataset                dask, odc-geo
================  ==========================================  ====================

QGIS uses the modules that need at most numpy, as it may lack shapely and rasterio.
"""
