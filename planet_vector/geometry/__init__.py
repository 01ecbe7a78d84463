"""Geometry in longitude and latitude, and in planes: footprints, boxes, areas, the antimeridian, UTM.

Only the standard library is required; shapely is used for shapely geometries.
"""
