"""Run ``planet-vector`` as ``python -m planet_vector.cli``."""

from planet_vector.cli import main

main(prog_name="planet-vector")
