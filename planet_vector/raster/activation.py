"""Activate products at services that make files available on request, and wait for them.

Activation is never implied by opening or downloading a product, as it can count against a quota. It is idempotent: an
interrupted run continues with the products that are not active yet.
"""

from __future__ import annotations

import time
from typing import Dict, Iterable, List, Sequence, Tuple

from planet_vector.assets import AssetState
from planet_vector.catalog import Catalog
from planet_vector.catalog.protocol import ActivatesAssets
from planet_vector.errors import AuthError, NotFoundError, PlanetVectorError, RasterAccessError
from planet_vector.progress import Progress
from planet_vector.raster.parallel import Alive, in_parallel
from planet_vector.scene import Scene

POLL = 5.0
"""Seconds between two requests for the states of products, as in Planet's own client."""

LONGEST = 3600.0
"""Seconds to wait for all products by default; GDAL waits as long."""

Wanted = Tuple[Scene, str]


def activate(
    catalog: Catalog,
    wanted: Iterable[Wanted],
    wait: bool = True,
    timeout: float = LONGEST,
    progress: Progress = None,
) -> List[Wanted]:
    """Activate products, and wait until all are active.

    All states are requested first. If a product does not exist, or may not be downloaded, none is activated.

    Parameters
    ----------
    catalog : Catalog
        The service.
    wanted : iterable of (Scene, str)
        Scenes with names of products.
    wait : bool, optional
        Whether to wait until all are active; otherwise only request it.
    timeout : float, optional
        Maximum time to wait in seconds.
    progress : callable, optional
        Called with the number of active products, and the number of all.

    Returns
    -------
    list of (Scene, str)
        The active products, in the order given.

    Raises
    ------
    NotFoundError
        If a scene has no such product.
    AuthError
        If the key may not download a product.
    RasterAccessError
        If some products are not active after `timeout`; activation continues at the service.
    ServiceError
        If a request fails.
    """
    products = _each_once(wanted)
    if not isinstance(catalog, ActivatesAssets):  # a service whose files are always available
        if progress:
            progress(len(products), len(products))
        return products
    end = time.monotonic() + timeout
    states = _states(catalog, products)
    for (scene, name), state in zip(products, states):
        if not state.permitted:
            raise AuthError(f"Your key may not download {scene.id}/{name}: ask for the permission.", status=403)
    for (scene, _), state in zip(products, states):
        if not _is_active(state) and state.status != "activating":
            catalog.activate(scene, state)
    while True:
        active = [product for product, state in zip(products, states) if _is_active(state)]
        if progress:
            progress(len(active), len(products))
        if len(active) == len(products) or not wait:
            return active
        if time.monotonic() + POLL > end:
            missing = [f"{scene.id}/{name}" for (scene, name), s in zip(products, states) if not _is_active(s)]
            raise RasterAccessError(
                f"{len(missing)} of {len(products)} products are not active after {timeout:.0f} seconds, among them "
                f"{missing[0]}: their activation continues, so run this again later."
            )
        time.sleep(POLL)
        pending = [product for product, state in zip(products, states) if not _is_active(state)]
        fresh = dict(zip(map(_key, pending), _states(catalog, pending)))
        states = [fresh.get(_key(product), state) for product, state in zip(products, states)]


def product_states(catalog: Catalog, wanted: Iterable[Wanted]) -> List[Tuple[Scene, str, str]]:
    """Return products with their states at the service, without activating any.

    Parameters
    ----------
    catalog : Catalog
        The service.
    wanted : iterable of (Scene, str)
        Scenes with names of products.

    Returns
    -------
    list of (Scene, str, str)
        Each product once, in the order given, with ``active``, ``activating`` or ``inactive``; ``not permitted`` if the
        key may not download it.

    Raises
    ------
    NotFoundError
        If a scene has no such product.
    ServiceError
        If a request fails.
    """
    products = _each_once(wanted)
    if not isinstance(catalog, ActivatesAssets):
        return [(scene, name, "active") for scene, name in products]
    states = _states(catalog, products)
    return [
        (scene, name, state.status if state.permitted else "not permitted")
        for (scene, name), state in zip(products, states)
    ]


def available_products(catalog: Catalog, scene: Scene) -> List[str]:
    """Return the products of a scene that can be opened now: all, or the active GeoTIFFs if the service activates them.

    Parameters
    ----------
    catalog : Catalog
        The service.
    scene : Scene
        The scene.

    Raises
    ------
    ServiceError
        If a request fails.
    """
    if not isinstance(catalog, ActivatesAssets):
        return list(scene.products)
    states = catalog.asset_states(scene)
    rasters = [name for name, asset in scene.assets.items() if asset.media_type.startswith("image/tiff")]
    return [name for name in rasters if name in states and _is_active(states[name]) and states[name].permitted]


def _each_once(wanted: Iterable[Wanted]) -> List[Wanted]:
    return list({_key(product): product for product in wanted}.values())


def _states(catalog: ActivatesAssets, products: Sequence[Wanted]) -> List[AssetState]:
    """Request the states of products, with a request for each scene."""

    def task(scene: Scene, alive: Alive) -> Dict[str, AssetState]:
        return dict(catalog.asset_states(scene))

    scenes = list({(scene.scene_type, scene.id): scene for scene, _ in products}.values())
    by_scene: Dict[Tuple[str, str], Dict[str, AssetState]] = {}
    for scene, outcome in in_parallel(task, scenes, _AT_ONCE):
        if isinstance(outcome, PlanetVectorError):
            raise outcome
        by_scene[scene.scene_type, scene.id] = outcome
    found = []
    for scene, name in products:
        states = by_scene[scene.scene_type, scene.id]
        if name not in states:
            raise NotFoundError(f"Scene {scene.id} has no product {name!r}; it has: {', '.join(states) or 'none'}.")
        found.append(states[name])
    return found


_AT_ONCE = 4  # requests; the service limits them to some in a second


def _is_active(state: AssetState) -> bool:
    return state.status == "active"


def _key(product: Wanted) -> Tuple[str, str, str]:
    scene, name = product
    return scene.scene_type, scene.id, name
