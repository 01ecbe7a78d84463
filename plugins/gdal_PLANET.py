# gdal: DRIVER_NAME = "PLANET"
# gdal: DRIVER_SUPPORTED_API_VERSION = [1]
# gdal: DRIVER_DCAP_VECTOR = "YES"
# gdal: DRIVER_DCAP_RASTER = "YES"
# gdal: DRIVER_DMD_LONGNAME = "Planet Scenes API"
# gdal: DRIVER_DMD_CONNECTION_PREFIX = "PLANET:"
# gdal: DRIVER_DMD_SUBDATASETS = "YES"
# gdal: DRIVER_DMD_OPENOPTIONLIST = "<OpenOptionList><Option name='API_KEY' type='string' description='Key of the Scenes API; prefer the environment variable PL_API_KEY'/><Option name='CONNECTION' type='string' description='Name of a connection'/><Option name='API_URL' type='string' description='Root of the API'/><Option name='PLANET_CACHE_TTL' type='float' description='Lifetime of a cached result in seconds' default='300'/><Option name='PLANET_CONNECTIONS' type='int' description='Maximum number of concurrent requests' default='8'/><Option name='PLANET_RATE' type='float' description='Requests a second, 0 for no limit' default='10'/></OpenOptionList>"  # noqa: E501
"""The GDAL driver PLANET: a search of the Scenes API as a vector layer, a scene as a container of rasters.

GDAL runs this file in any Python it finds, once for every GDAL in the process, in the same module. So objects of one
GDAL are attributes of classes, not of the module, and nothing that can fail is imported before a PLANET: name is
opened.
"""

import functools
import importlib.machinery
import itertools
import operator
import os
import sys
import weakref

try:
    import gdal_python_driver
    from gdal_python_driver import BaseDataset, BaseDriver, BaseLayer
except ImportError:  # outside GDAL, in tests and tools
    gdal_python_driver = None
    BaseDataset = BaseDriver = BaseLayer = object

PREFIX = "PLANET:"  # of names and messages; the file of another driver replaces it in its copy of this module
RASTER, VECTOR = 0x02, 0x04  # GDAL_OF_RASTER, GDAL_OF_VECTOR
# This package, by itself or in the QGIS plugin, and its dependencies.
NAMES = ("planet_vector", "planet_scenes", "requests", "urllib3", "idna", "certifi", "charset_normalizer", "chardet")


class _Elsewhere:
    """Finder of this package and its dependencies beside the driver, if the running Python lacks them."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        if name not in NAMES:
            return None
        here = os.path.dirname(os.path.abspath(__file__))
        places = os.environ.get("PLANET_VECTOR_PATH", "").split(os.pathsep)
        return importlib.machinery.PathFinder.find_spec(
            name, [*filter(os.path.isabs, places), os.path.dirname(here), os.path.dirname(os.path.dirname(here))]
        )


if not any(getattr(finder, "__name__", "") == _Elsewhere.__name__ for finder in sys.meta_path):
    sys.meta_path.append(_Elsewhere)


def as_gdal_error(method):
    """Decorate a method so that its errors reach GDAL as one sentence."""

    @functools.wraps(method)
    def call(*args, **kwargs):
        from planet_vector.driver import gdal_errors  # fails where the package cannot be found

        return gdal_errors.as_gdal_error(method, PREFIX)(*args, **kwargs)

    return call


def _count_of_this_gdal():
    """Return this GDAL's function behind BaseLayer.feature_count, which looks it up where the next GDAL stores its own.

    The method itself reveals its module: objects of an earlier GDAL remain in the module.
    """
    if gdal_python_driver is None:
        return None
    if "_gdal_python_driver" in BaseLayer.feature_count.__code__.co_names:
        return sys.modules["_gdal_python_driver"].layer_featureCount
    return gdal_python_driver._layer_featureCount  # GDAL 3.12


class Features:
    """Iterable of a layer's features, with the filters set when the first is requested."""

    def __init__(self, reference):
        self.reference = reference

    def __iter__(self):
        layer = self.reference()
        filters = layer.attribute_filter, layer.spatial_filter_extent
        return layer.gdal.features(layer.layer, *filters, layer.failures, PREFIX)


class Layer(BaseLayer):
    """Layer of planet_vector for GDAL; yields supersets, which GDAL filters exactly."""

    iterator_honour_attribute_filter = False
    iterator_honour_spatial_filter = False
    feature_count_honour_attribute_filter = True
    feature_count_honour_spatial_filter = True
    fid_name = "fid"
    count_by_gdal = staticmethod(_count_of_this_gdal())

    def __init__(self, layer):
        from planet_vector.driver import datasets

        self.layer, self.gdal = layer, datasets
        self.name = layer.name
        self.fields = datasets.fields(layer)
        self.geometry_fields = datasets.geometry_fields(layer)
        self.attribute_filter = self.spatial_filter = self.spatial_filter_extent = None
        self.failures = None  # errors of the iterator, while counting
        self.iterate = functools.partial(itertools.chain.from_iterable, [Features(weakref.ref(self))])

    def test_capability(self, capability):
        if capability == BaseLayer.FastFeatureCount:
            return self.counts_quickly()
        return capability in (BaseLayer.RandomRead, BaseLayer.StringsAsUTF8)

    def counts_quickly(self):
        """Return whether counting with the current filters requires no reading; sends no request."""
        return not self.spatial_filter and self.layer.counts_quickly(self.attribute_filter)

    # GDAL also requests an iterator when it resets reading. No Python code may run then, as an exception may be pending
    # for the code that called GDAL.
    __iter__ = property(operator.attrgetter("iterate"))

    @as_gdal_error
    def feature_count(self, force):
        from planet_vector.driver.gdal_errors import sizes_by_count, unknown_count

        try:
            if sizes_by_count():
                self.gdal.hold(self.layer, self.attribute_filter, self.spatial_filter_extent)
            count = None if self.spatial_filter else self.layer.count(self.attribute_filter)
            return self.count_by_reading(force) if count is None else count
        except BaseException as error:
            return unknown_count(error)

    def count_by_reading(self, force):
        """Let GDAL count the features by reading, and raise an error of the iterator, which GDAL takes for the end."""
        from planet_vector.driver.interrupts import unguarded

        self.failures = failures = []
        try:
            count = unguarded(self.count_by_gdal, self, force)
        finally:
            self.failures = None
        if failures:
            raise failures[0]
        return count

    @as_gdal_error
    def feature_by_id(self, fid):
        return self.gdal.feature(self.layer, fid)

    @as_gdal_error
    def extent(self, force):
        extent = self.layer.extent()
        return list(extent) if extent else None

    @as_gdal_error
    def metadata(self, domain):
        return self.gdal.layer_metadata(self.layer, domain)


class Dataset(BaseDataset):
    """Dataset with the layers of a PLANET: name."""

    layer_class = Layer

    def __init__(self, opened):
        self.opened = opened
        self.layers = [self.layer_class(layer) for layer in opened.layers]

    @as_gdal_error
    def metadata(self, domain):
        return self.opened.metadata(domain)


class Driver(BaseDriver):
    """Driver that opens PLANET: names."""

    dataset_class = Dataset

    def identify(self, filename, first_bytes, open_flags, open_options={}):  # noqa: B006 - GDAL's signature
        return filename[:7].upper() == "PLANET:" or filename[:9].lower() == "planet://"

    @as_gdal_error
    def open(self, filename, first_bytes, open_flags, open_options={}):  # noqa: B006
        if not self.identify(filename, first_bytes, open_flags):
            return None  # GDAL 3.6 tries any name that no other driver opens
        from planet_vector.driver import datasets, interrupts

        interrupts.stand_in()
        kinds = {"vector": bool(open_flags & VECTOR), "raster": bool(open_flags & RASTER)}
        return self.dataset_class(datasets.open_name(filename, open_options, **kinds))
