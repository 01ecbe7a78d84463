"""Datasets whose pixels come over the network, and whose reads Ctrl-C ends.

GDAL reads in one call, however long the service takes, and Python hands Ctrl-C to nothing but the main thread, between
two of its own steps. So what the main thread reads is read by another while it waits.
"""

from __future__ import annotations

import threading
from typing import Any, Callable, Optional

import rasterio
from rasterio.io import DatasetReader

from planet_vector.raster.mounting import forget_errors
from planet_vector.workers import Task, Workers, wait_for

_readers = Workers(16, "geotiff-read")


class Remote(DatasetReader):  # type: ignore[misc]
    """A dataset that is read over the network; by one thread at a time, as any rasterio dataset.

    A read that was interrupted goes on by itself: the next one waits for it, and `close` leaves the closing to it.
    """

    _under_way: Optional[Task[Any]] = None

    def read(self, *args: Any, **kwargs: Any) -> Any:
        """Read pixels as `rasterio.io.DatasetReader.read` does."""
        return self._whole(self._read_by_worker, super().read, *args, **kwargs)

    def read_masks(self, *args: Any, **kwargs: Any) -> Any:
        """Read masks as `rasterio.io.DatasetReader.read_masks` does."""
        return self._whole(self._read_by_worker, super().read_masks, *args, **kwargs)

    def dataset_mask(self, *args: Any, **kwargs: Any) -> Any:
        """Read the mask as `rasterio.io.DatasetReader.dataset_mask` does."""
        return self._whole(self._read_by_worker, super().dataset_mask, *args, **kwargs)

    def checksum(self, *args: Any, **kwargs: Any) -> Any:
        """Return the checksum of a band as `rasterio.io.DatasetReader.checksum` does."""
        return self._whole(self._read_by_worker, super().checksum, *args, **kwargs)

    def statistics(self, *args: Any, **kwargs: Any) -> Any:
        """Return the statistics of a band as `rasterio.io.DatasetReader.statistics` does."""
        return self._whole(self._read_by_worker, super().statistics, *args, **kwargs)

    def stats(self, *args: Any, **kwargs: Any) -> Any:
        """Return the statistics of bands as `rasterio.io.DatasetReader.stats` does."""
        return self._whole(self._read_by_worker, super().stats, *args, **kwargs)

    def _whole(self, read: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Read; what derives from this looks here whether all of it came."""
        return read(*args, **kwargs)

    def close(self) -> None:
        """Close the dataset."""
        task = self._under_way
        if task is None or task.cancel():
            self._close()
        else:
            # What `with` put in force for this thread cannot be ended by the one that reads.
            env = getattr(self, "_env", None)
            if env is not None:
                env.close()
            task.add_done_callback(lambda _: self._close())

    def _close(self) -> None:
        super().close()

    def _read_by_worker(self, read: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        if threading.current_thread() is not threading.main_thread():
            forget_errors()
            return read(*args, **kwargs)
        if self._under_way is not None and not self._under_way.cancel():
            wait_for([self._under_way])

        def call() -> Any:
            with rasterio.Env():  # GDAL prints errors in threads without one
                forget_errors()
                return read(*args, **kwargs)

        task: Task[Any] = Task()
        self._under_way = task
        _readers.run_as(task, call)
        try:
            return task.result()
        finally:
            if task.done():
                self._under_way = None
