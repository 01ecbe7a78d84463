"""``planet-vector activate``."""

from __future__ import annotations

from typing import List, Optional, Tuple

import click

from planet_vector.cli import options


@click.command()
@options.scenes
@options.scene_type
@click.option(
    "--asset", "products", multiple=True, metavar="PRODUCTS",
    help="Products to activate, comma-separated, or 'all'; by default the preferred one.",
)  # fmt: skip
@options.dry_run("Only print the products with their states: active, activating, inactive or not permitted.")
@click.option("--no-wait", is_flag=True, help="Request the activation, and do not wait for it.")
@click.option(
    "--timeout", type=click.FloatRange(min=0), default=3600.0, show_default=True, metavar="SECONDS",
    help="Maximum time to wait.",
)  # fmt: skip
@options.connection
@options.verbose
def activate(
    scenes: Tuple[str, ...],
    scene_type: Optional[str],
    products: Tuple[str, ...],
    dry_run: bool,
    no_wait: bool,
    timeout: float,
    connection: Optional[str],
) -> None:
    """Activate products at a service that makes files available on request, and wait until they are active.

    SCENE is the id of a scene or its PLANET: name, with or without products, or - for scenes on stdin: ids, names, or
    the output of 'planet-vector search'. Activation takes some minutes, and may count against the quota of your
    account; other commands activate products only with --activate. After an interruption, the same command continues.
    The names of the active products are printed.

    \b
    Examples:
        planet-vector activate PLANET:PSScene/20220125_075509_67_1061 --asset ortho_visual
        planet-vector activate PLANET:PSScene/20220125_075509_67_1061 --asset all --dry-run
        planet-vector search aoi.geojson --limit 5 | planet-vector activate - --asset ortho_analytic_8b
    """
    from planet_vector.cli.messages import say
    from planet_vector.cli.results import raise_failures, sorted_out
    from planet_vector.cli.scene_inputs import scenes_given
    from planet_vector.cli.terminal_bars import progress_bar
    from planet_vector.connection_lookup import name_at
    from planet_vector.raster.activation import Wanted, product_states
    from planet_vector.raster.activation import activate as activate_all

    given, failed = sorted_out(scenes_given(scenes, scene_type, connection))
    wanted: List[Wanted] = []
    for each in given:
        for name in each.products or options.split(products) or [each.scene.schema.product()]:
            wanted += [(each.scene, product) for product in (each.scene.products if name == "all" else [name])]
    catalogs = {scene.catalog.settings.api_url: scene.catalog for scene, _ in wanted}
    for root, catalog in catalogs.items():
        some = [(scene, product) for scene, product in wanted if scene.catalog.settings.api_url == root]
        if dry_run:
            for scene, product, state in product_states(catalog, some):
                say(f"{name_at(root, scene.scene_type, scene.id, product)}\t{state}")
            continue
        with progress_bar("Activating", len(some)) as bar:
            active = activate_all(catalog, some, not no_wait, timeout, bar)
        for scene, product in active:
            say(str(name_at(root, scene.scene_type, scene.id, product)))
    raise_failures(failed, len(failed) + len(given), "could not be activated")
