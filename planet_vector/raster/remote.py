"""Read datasets over the network such that Ctrl-C ends a read.

A read of GDAL is a single call, however long the service takes, and Python delivers Ctrl-C only to the main thread,
between two of its own instructions. So a worker reads on behalf of the main thread, which waits.
"""

from __future__ import annotations

import threading
from typing import Any, Callable, Optional

import rasterio
from rasterio.enums import Resampling
from rasterio.io import DatasetReader

from planet_vector.raster.byte_ranges import ReadWindow
from planet_vector.raster.mounting import forget_errors
from planet_vector.workers import Task, Workers, wait_for

_readers = Workers(16, "geotiff-read")


class Remote(DatasetReader):  # type: ignore[misc]
    """Dataset that is read over the network; by one thread at a time, as any rasterio dataset.

    An interrupted read continues in the background: the next read waits for it, and `close` is deferred to its end.

    All methods that read raise `ServiceError` if the service does not provide a file, and `RasterAccessError` if a file
    cannot be read.
    """

    _title = "of a service"  # until opened: rasterio logs the dataset during its construction
    _under_way: Optional[Task[Any]] = None

    def read(
        self,
        indexes: Any = None,
        out: Any = None,
        window: Any = None,
        masked: bool = False,
        out_shape: Any = None,
        boundless: bool = False,
        resampling: Resampling = Resampling.nearest,
        fill_value: Any = None,
        out_dtype: Any = None,
    ) -> Any:
        """Read pixels as `rasterio.io.DatasetReader.read` does.

        Parameters
        ----------
        indexes : int or sequence of int, optional
            Bands, counted from 1; by default all.
        out : numpy.ndarray, optional
            Array to read into.
        window : rasterio.windows.Window or tuple of slices, optional
            Pixels to read; by default all.
        masked : bool
            Return a masked array.
        out_shape : tuple of int, optional
            Shape of the result; pixels are resampled to it.
        boundless : bool
            Allow a window that reaches beyond the dataset.
        resampling : rasterio.enums.Resampling
            Resampling method, if the shape differs from the window's.
        fill_value : float, optional
            Value of masked pixels, and of those beyond the dataset.
        out_dtype : str or numpy.dtype, optional
            Data type of the result; by default that of the bands.

        Returns
        -------
        numpy.ndarray
            Pixels (bands, rows, columns); (rows, columns) for a single band.

        Raises
        ------
        ServiceError
            If the service does not provide a file.
        RasterAccessError
            If a file cannot be read, or the result is too large.
        """
        with_mask = bool(masked) or (fill_value is not None and not boundless)
        self._check_read(indexes, out, window, out_shape, boundless, out_dtype, with_mask)
        part = None if boundless else ReadWindow(indexes, window, getattr(out, "shape", out_shape), resampling)
        return self._whole(
            self._read_part, "read", part, True, with_mask,
            indexes, out, window, masked, out_shape, boundless, resampling, fill_value, out_dtype,
        )  # fmt: skip

    def read_masks(
        self,
        indexes: Any = None,
        out: Any = None,
        out_shape: Any = None,
        window: Any = None,
        boundless: bool = False,
        resampling: Resampling = Resampling.nearest,
    ) -> Any:
        """Read masks as `rasterio.io.DatasetReader.read_masks` does.

        Parameters
        ----------
        indexes : int or sequence of int, optional
            Bands, counted from 1; by default all.
        out : numpy.ndarray, optional
            Array to read into.
        out_shape : tuple of int, optional
            Shape of the result.
        window : rasterio.windows.Window or tuple of slices, optional
            Pixels to read; by default all.
        boundless : bool
            Allow a window that reaches beyond the dataset.
        resampling : rasterio.enums.Resampling
            Resampling method, if the shape differs from the window's.

        Returns
        -------
        numpy.ndarray
            Masks (bands, rows, columns), 255 for valid pixels.
        """
        self._check_read(indexes, out, window, out_shape, boundless, "uint8", False)
        part = None if boundless else ReadWindow(indexes, window, getattr(out, "shape", out_shape), resampling)
        return self._whole(
            self._read_part, "read_masks", part, False, True,
            indexes, out, out_shape, window, boundless, resampling,
        )  # fmt: skip

    def dataset_mask(self, *args: Any, **kwargs: Any) -> Any:
        """Read the mask as `rasterio.io.DatasetReader.dataset_mask` does.

        Returns
        -------
        numpy.ndarray
            Mask (rows, columns), 255 for valid pixels.
        """
        return self._whole(super().dataset_mask, *args, **kwargs)

    def checksum(self, *args: Any, **kwargs: Any) -> Any:
        """Return the checksum of a band as `rasterio.io.DatasetReader.checksum` does."""
        return self._whole(super().checksum, *args, **kwargs)

    def statistics(self, *args: Any, **kwargs: Any) -> Any:
        """Return the statistics of a band as `rasterio.io.DatasetReader.statistics` does."""
        return self._whole(super().statistics, *args, **kwargs)

    def stats(self, *args: Any, **kwargs: Any) -> Any:
        """Return the statistics of bands as `rasterio.io.DatasetReader.stats` does."""
        return self._whole(super().stats, *args, **kwargs)

    def _check_read(self, *args: Any) -> None:
        """Raise an error for an excessive read, with the arguments of `limits.check_read`; unbounded by default."""

    def _whole(self, read: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call a reading method; subclasses check here that all of it was read."""
        return self._read_by_worker(read, *args, **kwargs)

    def _read_part(self, method: str, part: Optional[ReadWindow], pixels: bool, masks: bool, *args: Any) -> Any:
        """Call a reading method of rasterio, in the thread that reads; subclasses fetch the bytes it needs in advance.

        Parameters
        ----------
        method : str
            ``read`` or ``read_masks``.
        part : ReadWindow or None
            What to read; None if nothing is fetched in advance.
        pixels, masks : bool
            Whether they are read.
        args
            Arguments of the method.
        """
        return getattr(super(), method)(*args)

    def close(self) -> None:
        """Close the dataset, once an interrupted read has ended."""
        task = self._under_way
        if task is None or task.cancel():
            self._close()
        else:
            # The reading thread cannot exit the environment that `with` entered in this thread.
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

    def __repr__(self) -> str:
        # Omit the name, which may contain a signature.
        return f"<{'closed' if self.closed else 'open'} {type(self).__name__} {self._title}>"

    def _repr_png_(self) -> bytes:
        from planet_vector.raster.pictures import picture_of

        return picture_of(self)
