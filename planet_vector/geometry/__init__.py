"""Shapes in longitude and latitude, and on planes: footprints, boxes, areas, the antimeridian, UTM.

The standard library alone is needed; shapely where shapes are given or wanted as its own.
"""
