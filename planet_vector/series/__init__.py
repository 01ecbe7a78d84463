"""Values of scenes at places over time.

==========  ===================================================================
module      does
==========  ===================================================================
places      parses points and polygons, and their ids
sampling    reads the pixels of places from one scene, and their statistics
journal     stores the results of finished scenes, to continue from
timeseries  reads all scenes of a search side by side
==========  ===================================================================
"""
