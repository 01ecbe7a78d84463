"""The Processing provider: what the plugin does, as algorithms for the toolbox, models and qgis_process."""
