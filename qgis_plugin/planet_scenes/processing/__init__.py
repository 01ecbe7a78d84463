"""Processing provider: the plugin's functions as algorithms for the toolbox, models and qgis_process."""
