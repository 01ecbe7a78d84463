"""Files of products: activate, download and synchronize those of the scenes of a search."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Iterator, List, Optional, Sequence, Union

from planet_vector.names import parse_name
from planet_vector.progress import FileBar, FileProgress, Progress, bar_for

if TYPE_CHECKING:
    pass
from planet_vector.vector.sought import Sought, scenes_of


def activate_products(
    search: Sought,
    products: Sequence[str] = (),
    *,
    wait: bool = True,
    timeout: float = 3600.0,
    progress: Union[bool, Progress] = None,
    connection: Optional[str] = None,
    key: Optional[str] = None,
) -> List[str]:
    """Activate products at a service that makes files available on request, and wait until they are active.

    Activation takes some minutes and may count against a quota. Other functions activate products only with
    ``activate=True``. After an interruption, a new call continues.

    Parameters
    ----------
    search : str, Query or iterable of Scene
        The scenes; a name may contain products, as ``PLANET:PSScene/20220125_075509_67_1061/ortho_visual``.
    products : sequence of str
        The products of each scene; by default those of the name, else the preferred one.
    wait : bool
        Wait until all are active; otherwise only request it.
    timeout : float
        Maximum time to wait in seconds.
    progress : bool or callable, optional
        Show a bar; or a callback, called with the number of active products and of all.
    connection, key : str, optional
        As for `planet_vector.connect`.

    Returns
    -------
    list of str
        The names of the active products.

    Raises
    ------
    NotFoundError
        If a scene has no such product.
    AuthError
        If the key may not download a product; none is activated then.
    RasterAccessError
        If some products are not active after `timeout`.
    """
    from planet_vector.connection_lookup import name_at
    from planet_vector.raster.activation import activate

    named = parse_name(search).products if isinstance(search, str) else ()
    catalog, scenes = scenes_of(search, connection, key)
    wanted = [(scene, product) for scene in scenes for product in products or named or [scene.schema.product()]]
    root = catalog.settings.api_url
    active = activate(catalog, wanted, wait, timeout, bar_for(progress, "Activating", ""))
    return [str(name_at(root, scene.scene_type, scene.id, product)) for scene, product in active]


def download_products(
    search: Sought,
    directory: Union[str, Path],
    products: Sequence[str] = (),
    *,
    overwrite: bool = False,
    progress: Union[bool, FileProgress] = None,
    connection: Optional[str] = None,
    key: Optional[str] = None,
) -> List[Path]:
    """Fetch products of scenes into a directory; interrupted downloads are resumed.

    Parameters
    ----------
    search : str, Query or iterable of Scene
        The scenes.
    directory : str or Path
        The folder; created if missing.
    products : sequence of str
        The products of each scene; by default the preferred one, such as ``visual``.
    overwrite : bool
        Replace existing files whose length differs from the service's.
    progress : bool or callable, optional
        Show a bar, in a terminal or a notebook; or a callback, called from several threads with a file, its bytes
        fetched and its bytes in all (or None).
    connection, key : str, optional
        As for `planet_vector.connect`.

    Returns
    -------
    list of Path
        The files, scene by scene.
    """
    from planet_vector.raster.download import download

    catalog, scenes = scenes_of(search, connection, key)
    with _watching(progress) as told:
        return download(catalog, scenes, products, Path(directory), overwrite, told)


def sync_products(
    search: Sought,
    directory: Union[str, Path],
    products: Sequence[str] = (),
    *,
    dry_run: bool = False,
    progress: Union[bool, FileProgress] = None,
    connection: Optional[str] = None,
    key: Optional[str] = None,
) -> List[Path]:
    """Synchronize a folder with a search: fetch missing files, and retry those that failed before.

    Parameters
    ----------
    search : str, Query or iterable of Scene
        The scenes.
    directory : str or Path
        The folder; created if missing. `planet_vector.server` can serve it.
    products : sequence of str
        The products of each scene; ``all`` for every product. By default the preferred one, such as ``visual``.
    dry_run : bool
        Only return the files that would be fetched.
    progress : bool or callable, optional
        Show a bar, in a terminal or a notebook; or a callback, called from several threads with a file, its bytes
        fetched and its bytes in all (or None).
    connection, key : str, optional
        As for `planet_vector.connect`.

    Returns
    -------
    list of Path
        The files that were written, or with `dry_run` those that would be.

    Raises
    ------
    RasterAccessError
        If another sync of the folder is running, or if some scenes failed; the others are complete then, and the next
        sync retries the failed ones.
    """
    from planet_vector.raster.sync import sync

    catalog, scenes = scenes_of(search, connection, key, anew=True)
    with _watching(progress) as told:
        return sync(catalog, scenes, products, Path(directory), dry_run, told)


@contextmanager
def _watching(progress: Union[bool, FileProgress]) -> Iterator[FileProgress]:
    """Yield the callback for an argument ``progress``, and close its bar at the end."""
    if progress is not True:
        yield progress or None
        return
    bar = FileBar()
    try:
        yield bar
    finally:
        bar.close()
