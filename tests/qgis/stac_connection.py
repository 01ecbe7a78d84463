"""List a STAC connection as QGIS's browser does; run by QGIS itself (``qgis --code``), from 3.40 on.

The environment names the address of the API (``STAC_URL``) and the file to write (``STAC_OUT``): JSON with the version
of QGIS, and the names of the items by collection.
"""

import json
import os
import time
import traceback

from qgis.core import Qgis, QgsApplication, QgsSettings
from qgis.PyQt.QtCore import QTimer

kept = []  # QGIS deletes items whose Python objects are gone


def children(item):
    if item.state() == Qgis.BrowserItemState.NotPopulated:
        item.populate(True)
    until = time.time() + 60
    while item.state() != Qgis.BrowserItemState.Populated and time.time() < until:
        QgsApplication.processEvents()
        time.sleep(0.02)
    found = item.children()
    kept.extend(found)
    return found


def run():
    try:
        QgsSettings().setValue("connections/stac/items/here/url", os.environ["STAC_URL"])
        root = QgsApplication.dataItemProviderRegistry().provider("STAC").createDataItem("", None)
        kept.append(root)
        (connection,) = children(root)
        found = {each.name(): [item.name() for item in children(each)] for each in children(connection)}
        result = {"version": Qgis.version(), "connection": connection.name(), "collections": found}
    except Exception:
        result = {"error": traceback.format_exc()}
    with open(os.environ["STAC_OUT"], "w") as file:
        json.dump(result, file)
    os._exit(0)


QTimer.singleShot(500, run)
