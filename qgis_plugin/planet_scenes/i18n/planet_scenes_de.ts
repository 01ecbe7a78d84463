<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="de" sourcelanguage="en">
  <context>
    <name>planet_scenes</name>
    <message>
      <location filename="../access_fields.py" />
      <source>Access to the files of scenes</source>
      <translation>Zugriff auf die Dateien der Szenen</translation>
    </message>
    <message>
      <location filename="../access_fields.py" />
      <source>Address of the tokens (SAS) that sign addresses of Azure</source>
      <translation>Adresse der Token (SAS), mit denen Adressen von Azure signiert werden</translation>
    </message>
    <message>
      <location filename="../access_fields.py" />
      <source>Profile of your AWS settings that has the keys of the store</source>
      <translation>Profil Ihrer AWS-Einstellungen mit den Schlüsseln des Speichers</translation>
    </message>
    <message>
      <location filename="../access_fields.py" />
      <source>Host of the store; empty for that of your AWS settings</source>
      <translation>Server des Speichers; leer für den Ihrer AWS-Einstellungen</translation>
    </message>
    <message>
      <location filename="../access_fields.py" />
      <source>Further hosts that get the key, too, with commas between</source>
      <translation>Weitere Server, die den Schlüssel auch erhalten, durch Kommas getrennt</translation>
    </message>
    <message>
      <location filename="../access_fields.py" />
      <source>Pay for requests where the owner charges for them</source>
      <translation>Anfragen bezahlen, wenn der Eigentümer sie berechnet</translation>
    </message>
    <message>
      <location filename="../access_fields.py" />
      <source>Tokens (SAS)</source>
      <translation>Token (SAS)</translation>
    </message>
    <message>
      <location filename="../access_fields.py" />
      <source>S3 profile</source>
      <translation>S3-Profil</translation>
    </message>
    <message>
      <location filename="../access_fields.py" />
      <source>S3 host</source>
      <translation>S3-Server</translation>
    </message>
    <message>
      <location filename="../access_fields.py" />
      <source>Hosts with the key</source>
      <translation>Server mit dem Schlüssel</translation>
    </message>
    <message>
      <location filename="../access_fields.py" />
      <source>Files of {name}</source>
      <translation>Dateien von {name}</translation>
    </message>
    <message>
      <location filename="../actions.py" />
      <source>Requesting the scenes</source>
      <translation>Szenen werden erfragt</translation>
    </message>
    <message>
      <location filename="../actions.py" />
      <source>Add its imagery to the map</source>
      <translation>Bilddaten zur Karte hinzufügen</translation>
    </message>
    <message>
      <location filename="../actions.py" />
      <source>Add other imagery…</source>
      <translation>Andere Bilddaten hinzufügen…</translation>
    </message>
    <message>
      <location filename="../activation.py" />
      <source>Activate products</source>
      <translation>Produkte aktivieren</translation>
    </message>
    <message>
      <location filename="../activation.py" />
      <source>Activate</source>
      <translation>Aktivieren</translation>
    </message>
    <message>
      <location filename="../activation.py" />
      <source>Requesting the states of products</source>
      <translation>Zustände der Produkte werden angefordert</translation>
    </message>
    <message>
      <location filename="../activation.py" />
      <source>Stop waiting</source>
      <translation>Nicht mehr warten</translation>
    </message>
    <message>
      <location filename="../activation.py" />
      <source>The service prepares these files on request. That takes some minutes and may count against your quota.</source>
      <translation>Der Dienst stellt diese Dateien auf Anforderung bereit. Das dauert einige Minuten und kann auf Ihr Kontingent angerechnet werden.</translation>
    </message>
    <message>
      <location filename="../activation.py" />
      <source>All products that you may download are active.</source>
      <translation>Alle Produkte, die Sie herunterladen dürfen, sind aktiv.</translation>
    </message>
    <message>
      <location filename="../activation.py" />
      <source>Activating products: {count}</source>
      <translation>Produkte werden aktiviert: {count}</translation>
    </message>
    <message>
      <location filename="../activation.py" />
      <source>{product} ({count} of {scenes} scenes)</source>
      <translation>{product} ({count} von {scenes} Szenen)</translation>
    </message>
    <message>
      <location filename="../activation.py" />
      <source>Products activated: {count}. They can be added or downloaded.</source>
      <translation>Aktivierte Produkte: {count}. Sie können hinzugefügt oder heruntergeladen werden.</translation>
    </message>
    <message>
      <location filename="../area.py" />
      <source>The selected polygons of the layer, or all if none is selected</source>
      <translation>Die ausgewählten Polygone des Layers, oder alle, wenn keines ausgewählt ist</translation>
    </message>
    <message>
      <location filename="../area.py" />
      <source>Draw a box: drag, or click two corners</source>
      <translation>Ein Rechteck zeichnen: ziehen, oder zwei Ecken anklicken</translation>
    </message>
    <message>
      <location filename="../area.py" />
      <source>Draw a polygon: click its corners, a right click ends it</source>
      <translation>Ein Polygon zeichnen: seine Ecken anklicken, ein Rechtsklick beendet es</translation>
    </message>
    <message>
      <location filename="../area.py" />
      <source>Reading the area</source>
      <translation>Das Gebiet wird gelesen</translation>
    </message>
    <message>
      <location filename="../area.py" />
      <source>Paste the area: a polygon as WKT, or GeoJSON.</source>
      <translation>Das Gebiet einfügen: ein Polygon als WKT oder GeoJSON.</translation>
    </message>
    <message>
      <location filename="../area.py" />
      <source>The text is not a polygon in WKT or GeoJSON.</source>
      <translation>Der Text ist kein Polygon als WKT oder GeoJSON.</translation>
    </message>
    <message>
      <location filename="../area.py" />
      <source>The area lies outside the globe.</source>
      <translation>Das Gebiet liegt außerhalb der Erde.</translation>
    </message>
    <message>
      <location filename="../area.py" />
      <source>Everywhere</source>
      <translation>Überall</translation>
    </message>
    <message>
      <location filename="../area.py" />
      <source>Map extent</source>
      <translation>Kartenausschnitt</translation>
    </message>
    <message>
      <location filename="../area.py" />
      <source>Polygons of a layer</source>
      <translation>Polygone eines Layers</translation>
    </message>
    <message>
      <location filename="../area.py" />
      <source>Drawn on the map</source>
      <translation>Auf die Karte gezeichnet</translation>
    </message>
    <message>
      <location filename="../area.py" />
      <source>WKT or GeoJSON</source>
      <translation>WKT oder GeoJSON</translation>
    </message>
    <message>
      <location filename="../area.py" />
      <source>Box</source>
      <translation>Rechteck</translation>
    </message>
    <message>
      <location filename="../area.py" />
      <source>Polygon</source>
      <translation>Polygon</translation>
    </message>
    <message>
      <location filename="../area.py" />
      <source>There is no layer of polygons in the project: add one, or choose another area.</source>
      <translation>Im Projekt ist kein Layer mit Polygonen: einen hinzufügen, oder ein anderes Gebiet wählen.</translation>
    </message>
    <message>
      <location filename="../area.py" />
      <source>The polygons of the layer are still being read: try again in a moment.</source>
      <translation>Die Polygone des Layers werden noch gelesen: gleich noch einmal versuchen.</translation>
    </message>
    <message>
      <location filename="../area.py" />
      <source>The layer has no polygons.</source>
      <translation>Der Layer hat keine Polygone.</translation>
    </message>
    <message>
      <location filename="../area.py" />
      <source>The text is not a polygon in degrees, with longitude before latitude.</source>
      <translation>Der Text ist kein Polygon in Grad, Länge vor Breite.</translation>
    </message>
    <message>
      <location filename="../area.py" />
      <source>The drawn area lies outside the globe: draw it again.</source>
      <translation>Das gezeichnete Gebiet liegt außerhalb der Erde: es noch einmal zeichnen.</translation>
    </message>
    <message>
      <location filename="../area.py" />
      <source>The map shows more than the globe: zoom in.</source>
      <translation>Die Karte zeigt mehr als die Erde: hineinzoomen.</translation>
    </message>
    <message>
      <location filename="../area.py" />
      <source>Draw the area on the map first.</source>
      <translation>Das Gebiet zuerst auf die Karte zeichnen.</translation>
    </message>
    <message>
      <location filename="../area.py" />
      <source>The polygons of the layer lie outside the globe.</source>
      <translation>Die Polygone des Layers liegen außerhalb der Erde.</translation>
    </message>
    <message>
      <location filename="../browser.py" />
      <source>Rename</source>
      <translation>Umbenennen</translation>
    </message>
    <message>
      <location filename="../browser.py" />
      <source>New name:</source>
      <translation>Neuer Name:</translation>
    </message>
    <message>
      <location filename="../browser.py" />
      <source>Scene types</source>
      <translation>Szenentypen</translation>
    </message>
    <message>
      <location filename="../browser.py" />
      <source>Saved searches</source>
      <translation>Gespeicherte Suchen</translation>
    </message>
    <message>
      <location filename="../browser.py" />
      <source>Basemaps</source>
      <translation>Basemaps</translation>
    </message>
    <message>
      <location filename="../browser.py" />
      <source>Remove {what}?</source>
      <translation>{what} entfernen?</translation>
    </message>
    <message>
      <location filename="../browser.py" />
      <source>Remove</source>
      <translation>Entfernen</translation>
    </message>
    <message>
      <location filename="../browser.py" />
      <source>New connection…</source>
      <translation>Neue Verbindung …</translation>
    </message>
    <message>
      <location filename="../browser.py" />
      <source>Import QGIS's STAC connections…</source>
      <translation>STAC-Verbindungen von QGIS importieren …</translation>
    </message>
    <message>
      <location filename="../browser.py" />
      <source>Use for searches</source>
      <translation>Für Suchen verwenden</translation>
    </message>
    <message>
      <location filename="../browser.py" />
      <source>Add to the map</source>
      <translation>Zur Karte hinzufügen</translation>
    </message>
    <message>
      <location filename="../browser.py" />
      <source>Search in the panel</source>
      <translation>Im Bedienfeld suchen</translation>
    </message>
    <message>
      <location filename="../browser.py" />
      <source>Rename…</source>
      <translation>Umbenennen …</translation>
    </message>
    <message>
      <location filename="../browser.py" />
      <source>Add its quads as a layer</source>
      <translation>Seine Kacheln als Layer hinzufügen</translation>
    </message>
    <message>
      <location filename="../browser.py" />
      <source>Log out</source>
      <translation>Abmelden</translation>
    </message>
    <message>
      <location filename="../browser.py" />
      <source>Log in…</source>
      <translation>Anmelden …</translation>
    </message>
    <message>
      <location filename="../browser.py" />
      <source>the connection {name}</source>
      <translation>Die Verbindung {name}</translation>
    </message>
    <message>
      <location filename="../browser.py" />
      <source>the search {name}</source>
      <translation>Die Suche {name}</translation>
    </message>
    <message>
      <location filename="../chip_list.py" />
      <source>Chip of {scene}</source>
      <translation>Bildausschnitt von {scene}</translation>
    </message>
    <message>
      <location filename="../chip_list.py" />
      <source>no picture</source>
      <translation>kein Bild</translation>
    </message>
    <message>
      <location filename="../chip_list.py" />
      <source>Cancelled</source>
      <translation>Abgebrochen</translation>
    </message>
    <message>
      <location filename="../chips.py" />
      <source>The service returned a tile that cannot be shown.</source>
      <translation>Der Dienst hat eine Kachel geschickt, die nicht angezeigt werden kann.</translation>
    </message>
    <message>
      <location filename="../chips.py" />
      <source>The service has no tiles of {scene} there.</source>
      <translation>Der Dienst hat dort keine Kacheln von {scene}.</translation>
    </message>
    <message>
      <location filename="../chips.py" />
      <source>{title} has no overviews, so that a chip of this width takes too long: choose a smaller one.</source>
      <translation>{title} hat keine Übersichten, sodass ein Bildausschnitt dieser Breite zu lange dauert: einen kleineren wählen.</translation>
    </message>
    <message>
      <location filename="../chips.py" />
      <source>{title} has no pixels there: {why}.</source>
      <translation>{title} hat dort keine Pixel: {why}.</translation>
    </message>
    <message>
      <location filename="../chips.py" />
      <source>The pixels of {title} in view cannot be read: {why}. Try again later.</source>
      <translation>Die Pixel von {title} im Ausschnitt können nicht gelesen werden: {why}. Es später noch einmal versuchen.</translation>
    </message>
    <message>
      <location filename="../combined_rasters.py" />
      <source>The search has no scenes: widen it.</source>
      <translation>Die Suche hat keine Szenen: sie erweitern.</translation>
    </message>
    <message>
      <location filename="../combined_rasters.py" />
      <source>{count} scenes are too many for one mosaic (at most {most}): narrow the search.</source>
      <translation>{count} Szenen sind zu viele für ein Mosaik (höchstens {most}): die Suche eingrenzen.</translation>
    </message>
    <message>
      <location filename="../combined_rasters.py" />
      <source>{title} has no bands {a} and {b}.</source>
      <translation>{title} hat keine Bänder {a} und {b}.</translation>
    </message>
    <message>
      <location filename="../combined_rasters.py" />
      <source>{title} is not north up, so it cannot be combined with others.</source>
      <translation>{title} ist nicht nach Norden ausgerichtet und kann nicht mit anderen kombiniert werden.</translation>
    </message>
    <message>
      <location filename="../combined_rasters.py" />
      <source>Scene {scene} has other bands than {top}: leave it out of the mosaic.</source>
      <translation>Die Szene {scene} hat andere Kanäle als {top}: sie aus dem Mosaik weglassen.</translation>
    </message>
    <message>
      <location filename="../combined_rasters.py" />
      <source>The scenes cannot be combined: {why}. Try again later.</source>
      <translation>Die Szenen können nicht zusammengesetzt werden: {why}. Es später noch einmal versuchen.</translation>
    </message>
    <message>
      <location filename="../compare_choices.py" />
      <source>Day shown on the map of QGIS</source>
      <translation>Tag, den die Karte von QGIS zeigt</translation>
    </message>
    <message>
      <location filename="../compare_choices.py" />
      <source>All days</source>
      <translation>Alle Tage</translation>
    </message>
    <message>
      <location filename="../compare_choices.py" />
      <source>As on the map</source>
      <translation>Wie auf der Karte</translation>
    </message>
    <message>
      <location filename="../compare_dock.py" />
      <source>Compare</source>
      <translation>Vergleichen</translation>
    </message>
    <message>
      <location filename="../compare_dock.py" />
      <source>Day or layer shown here</source>
      <translation>Tag oder Layer, der hier gezeigt wird</translation>
    </message>
    <message>
      <location filename="../compare_dock.py" />
      <source>Map:</source>
      <translation>Karte:</translation>
    </message>
    <message>
      <location filename="../compare_dock.py" />
      <source>Here:</source>
      <translation>Hier:</translation>
    </message>
    <message>
      <location filename="../connection_dialog.py" />
      <source>New connection</source>
      <translation>Neue Verbindung</translation>
    </message>
    <message>
      <location filename="../connection_dialog.py" />
      <source>Detect it</source>
      <translation>Erkennen</translation>
    </message>
    <message>
      <location filename="../connection_dialog.py" />
      <source>Name</source>
      <translation>Name</translation>
    </message>
    <message>
      <location filename="../connection_dialog.py" />
      <source>Root of the service</source>
      <translation>Adresse des Dienstes</translation>
    </message>
    <message>
      <location filename="../connection_dialog.py" />
      <source>Kind</source>
      <translation>Art</translation>
    </message>
    <message>
      <location filename="../connection_dialog.py" />
      <source>Log-in</source>
      <translation>Anmeldung</translation>
    </message>
    <message>
      <location filename="../connection_dialog.py" />
      <source>Asking the service for its kind …</source>
      <translation>Art des Dienstes wird erfragt …</translation>
    </message>
    <message>
      <location filename="../connection_dialog.py" />
      <source>Detecting the kind of a service</source>
      <translation>Art eines Dienstes wird erkannt</translation>
    </message>
    <message>
      <location filename="../connections.py" />
      <source>Choose another title: it is empty or taken.</source>
      <translation>Einen anderen Titel wählen: er ist leer oder vergeben.</translation>
    </message>
    <message>
      <location filename="../connections.py" />
      <source>There is no connection {name}: add it in the options.</source>
      <translation>Es gibt keine Verbindung {name}: sie in den Optionen hinzufügen.</translation>
    </message>
    <message>
      <location filename="../connections.py" />
      <source>There is no connection {name}: give one of {those}, or the root URL of a service.</source>
      <translation>Es gibt keine Verbindung {name}: eine von {those} angeben oder die Adresse eines Dienstes.</translation>
    </message>
    <message>
      <location filename="../core.py" />
      <source>{reason}: log in.</source>
      <translation>{reason}: Melden Sie sich an.</translation>
    </message>
    <message>
      <location filename="../core.py" />
      <source>{file} cannot be used: {why}.</source>
      <translation>{file} kann nicht verwendet werden: {why}.</translation>
    </message>
    <message>
      <location filename="../core.py" />
      <source>A file</source>
      <translation>Eine Datei</translation>
    </message>
    <message>
      <location filename="../day_stack.py" />
      <source>Planet Scenes</source>
      <translation>Planet Scenes</translation>
    </message>
    <message>
      <location filename="../day_stack.py" />
      <source>Tiles cannot be added day by day: choose a product.</source>
      <translation>Kacheln können nicht tageweise hinzugefügt werden: ein Produkt wählen.</translation>
    </message>
    <message>
      <location filename="../day_stack.py" />
      <source>{layer} day by day: {imagery}</source>
      <translation>{layer} Tag für Tag: {imagery}</translation>
    </message>
    <message>
      <location filename="../day_stack.py" />
      <source>Opening {title}</source>
      <translation>{title} wird geöffnet</translation>
    </message>
    <message>
      <location filename="../day_stack.py" />
      <source>{count} scenes</source>
      <translation>{count} Szenen</translation>
    </message>
    <message>
      <location filename="../day_stack.py" />
      <source>The scenes are of {count} days, too many to add each (at most {most}): narrow the search.</source>
      <translation>Die Szenen sind von {count} Tagen, zu vielen, um jeden hinzuzufügen (höchstens {most}): die Suche eingrenzen.</translation>
    </message>
    <message>
      <location filename="../day_stack.py" />
      <source>The search has more than {most} scenes, too many to add day by day: narrow it.</source>
      <translation>Die Suche hat mehr als {most} Szenen, zu viele, um sie tageweise hinzuzufügen: sie eingrenzen.</translation>
    </message>
    <message>
      <location filename="../day_stack.py" />
      <source>Scene {scene} has no time, so it belongs to no day.</source>
      <translation>Die Szene {scene} hat keine Zeit und gehört daher zu keinem Tag.</translation>
    </message>
    <message>
      <location filename="../dock.py" />
      <source>Satellite scenes</source>
      <translation>Satellitenszenen</translation>
    </message>
    <message>
      <location filename="../dock.py" />
      <source>Requesting the scene types</source>
      <translation>Szenentypen werden erfragt</translation>
    </message>
    <message>
      <location filename="../dock.py" />
      <source>The scenes are in {path}.</source>
      <translation>Die Szenen sind in {path}.</translation>
    </message>
    <message>
      <location filename="../dock.py" />
      <source>Log in to {name}</source>
      <translation>Bei {name} anmelden</translation>
    </message>
    <message>
      <location filename="../dock.py" />
      <source>The map's coordinate system does not cover scene {scene}.</source>
      <translation>Das Koordinatensystem der Karte deckt die Szene {scene} nicht ab.</translation>
    </message>
    <message>
      <location filename="../dock_count.py" />
      <source>1 scene</source>
      <translation>1 Szene</translation>
    </message>
    <message>
      <location filename="../dock_count.py" />
      <source>Counting …</source>
      <translation>Es wird gezählt …</translation>
    </message>
    <message>
      <location filename="../dock_count.py" />
      <source>Counting scenes</source>
      <translation>Szenen werden gezählt</translation>
    </message>
    <message>
      <location filename="../dock_count.py" />
      <source>Asking the service …</source>
      <translation>Dienst wird gefragt …</translation>
    </message>
    <message>
      <location filename="../dock_count.py" />
      <source>{count:,} scenes</source>
      <translation>{count:,} Szenen</translation>
    </message>
    <message>
      <location filename="../dock_count.py" />
      <source>The service does not count.</source>
      <translation>Der Dienst zählt nicht.</translation>
    </message>
    <message>
      <location filename="../dock_download.py" />
      <source>Download</source>
      <translation>Herunterladen</translation>
    </message>
    <message>
      <location filename="../dock_download.py" />
      <source>Products of the scene:</source>
      <translation>Produkte der Szene:</translation>
    </message>
    <message>
      <location filename="../dock_download.py" />
      <source>Products that all {count} scenes have:</source>
      <translation>Produkte, die alle {count} Szenen haben:</translation>
    </message>
    <message>
      <location filename="../dock_download.py" />
      <source>1 file downloaded: {path}</source>
      <translation>1 Datei heruntergeladen: {path}</translation>
    </message>
    <message>
      <location filename="../dock_download.py" />
      <source>{count} files downloaded to {folder}</source>
      <translation>{count} Dateien nach {folder} heruntergeladen</translation>
    </message>
    <message>
      <location filename="../dock_download.py" />
      <source>Folder:</source>
      <translation>Ordner:</translation>
    </message>
    <message>
      <location filename="../dock_download.py" />
      <source>The download has stopped.</source>
      <translation>Das Herunterladen wurde angehalten.</translation>
    </message>
    <message>
      <location filename="../dock_download.py" />
      <source>Cancel</source>
      <translation>Abbrechen</translation>
    </message>
    <message>
      <location filename="../dock_download.py" />
      <source>Resume</source>
      <translation>Fortsetzen</translation>
    </message>
    <message>
      <location filename="../dock_download.py" />
      <source>Close</source>
      <translation>Schließen</translation>
    </message>
    <message>
      <location filename="../dock_follow.py" />
      <source>{shown:,} of {count:,} scenes in view: zoom in to see all.</source>
      <translation>{shown:,} von {count:,} Szenen im Ausschnitt: hineinzoomen, um alle zu sehen.</translation>
    </message>
    <message>
      <location filename="../dock_follow.py" />
      <source>{count:,} scenes in view</source>
      <translation>{count:,} Szenen im Ausschnitt</translation>
    </message>
    <message>
      <location filename="../dock_form.py" />
      <source>Service</source>
      <translation>Dienst</translation>
    </message>
    <message>
      <location filename="../dock_form.py" />
      <source>Scenes</source>
      <translation>Szenen</translation>
    </message>
    <message>
      <location filename="../dock_form.py" />
      <source>Area</source>
      <translation>Gebiet</translation>
    </message>
    <message>
      <location filename="../dock_form.py" />
      <source>Choose a collection first; the service is listing them.</source>
      <translation>Wählen Sie zuerst eine Sammlung; der Dienst listet sie gerade auf.</translation>
    </message>
    <message>
      <location filename="../dock_form.py" />
      <source>Requesting the fields of {collection}</source>
      <translation>Felder von {collection} werden angefordert</translation>
    </message>
    <message>
      <location filename="../dock_form.py" />
      <source>The fields of the collection are not known yet: try again in a moment.</source>
      <translation>Die Felder der Sammlung sind noch nicht bekannt: Versuchen Sie es gleich noch einmal.</translation>
    </message>
    <message>
      <location filename="../dock_menus.py" />
      <source>Zoom to the scene</source>
      <translation>Zur Szene zoomen</translation>
    </message>
    <message>
      <location filename="../dock_menus.py" />
      <source>Copy the name</source>
      <translation>Den Namen kopieren</translation>
    </message>
    <message>
      <location filename="../dock_menus.py" />
      <source>Save a snapshot</source>
      <translation>Abzug speichern</translation>
    </message>
    <message>
      <location filename="../dock_menus.py" />
      <source>Save search</source>
      <translation>Suche speichern</translation>
    </message>
    <message>
      <location filename="../dock_menus.py" />
      <source>Title:</source>
      <translation>Titel:</translation>
    </message>
    <message>
      <location filename="../dock_menus.py" />
      <source>Add product</source>
      <translation>Produkt hinzufügen</translation>
    </message>
    <message>
      <location filename="../dock_menus.py" />
      <source>Activate products…</source>
      <translation>Produkte aktivieren…</translation>
    </message>
    <message>
      <location filename="../dock_menus.py" />
      <source>The scenes have no product in common.</source>
      <translation>Die Szenen haben kein gemeinsames Produkt.</translation>
    </message>
    <message>
      <location filename="../dock_menus.py" />
      <source>Download…</source>
      <translation>Herunterladen …</translation>
    </message>
    <message>
      <location filename="../dock_results.py" />
      <source>Choose filters, then search.</source>
      <translation>Filter wählen, dann suchen.</translation>
    </message>
    <message>
      <location filename="../dock_results.py" />
      <source>Search</source>
      <translation>Suche</translation>
    </message>
    <message>
      <location filename="../dock_results.py" />
      <source>Add the search as a live layer</source>
      <translation>Die Suche als lebenden Layer hinzufügen</translation>
    </message>
    <message>
      <location filename="../dock_results.py" />
      <source>Layer</source>
      <translation>Layer</translation>
    </message>
    <message>
      <location filename="../dock_results.py" />
      <source>Let a layer of the search follow the map</source>
      <translation>Einen Layer der Suche der Karte folgen lassen</translation>
    </message>
    <message>
      <location filename="../dock_results.py" />
      <source>Follow</source>
      <translation>Folgen</translation>
    </message>
    <message>
      <location filename="../dock_results.py" />
      <source>More actions for the search</source>
      <translation>Weitere Aktionen für die Suche</translation>
    </message>
    <message>
      <location filename="../dock_results.py" />
      <source>More</source>
      <translation>Mehr</translation>
    </message>
    <message>
      <location filename="../dock_results.py" />
      <source>Add it as one mosaic</source>
      <translation>Sie als ein Mosaik hinzufügen</translation>
    </message>
    <message>
      <location filename="../dock_results.py" />
      <source>Add it day by day</source>
      <translation>Tag für Tag hinzufügen</translation>
    </message>
    <message>
      <location filename="../dock_results.py" />
      <source>Its scenes at a place, as pictures…</source>
      <translation>Ihre Szenen an einem Ort, als Bilder…</translation>
    </message>
    <message>
      <location filename="../dock_results.py" />
      <source>Click a place on the map to list all scenes there</source>
      <translation>Einen Ort auf der Karte anklicken, um alle Szenen dort aufzulisten</translation>
    </message>
    <message>
      <location filename="../dock_results.py" />
      <source>Compare two dates or layers…</source>
      <translation>Zwei Tage oder Layer vergleichen…</translation>
    </message>
    <message>
      <location filename="../dock_results.py" />
      <source>Swipe between two dates or layers</source>
      <translation>Zwischen zwei Tagen oder Layern wischen</translation>
    </message>
    <message>
      <location filename="../dock_results.py" />
      <source>Save it in the browser panel…</source>
      <translation>Sie im Browserfenster speichern …</translation>
    </message>
    <message>
      <location filename="../dock_results.py" />
      <source>Save a snapshot of it…</source>
      <translation>Einen Abzug von ihr speichern …</translation>
    </message>
    <message>
      <location filename="../dock_results.py" />
      <source>Help</source>
      <translation>Hilfe</translation>
    </message>
    <message>
      <location filename="../dock_results.py" />
      <source>Search first</source>
      <translation>Zuerst suchen</translation>
    </message>
    <message>
      <location filename="../dock_views.py" />
      <source>There is nothing to compare: add imagery first, for example day by day.</source>
      <translation>Es gibt nichts zu vergleichen: zuerst Bilder hinzufügen, etwa Tag für Tag.</translation>
    </message>
    <message>
      <location filename="../downloads.py" />
      <source>Downloading {count} files</source>
      <translation>{count} Dateien werden heruntergeladen</translation>
    </message>
    <message>
      <location filename="../empty.py" />
      <source>the dates</source>
      <translation>das Datum</translation>
    </message>
    <message>
      <location filename="../empty.py" />
      <source>the cloud cover limit</source>
      <translation>die Bewölkungsgrenze</translation>
    </message>
    <message>
      <location filename="../empty.py" />
      <source>The service has no scenes of type {scene_type}.</source>
      <translation>Der Dienst hat keine Szenen vom Typ {scene_type}.</translation>
    </message>
    <message>
      <location filename="../empty.py" />
      <source>the area</source>
      <translation>das Gebiet</translation>
    </message>
    <message>
      <location filename="../empty.py" />
      <source>No scene matches. With latitude and longitude of the area swapped there would be {count:,}: longitude comes first.</source>
      <translation>Keine Szene passt. Mit vertauschter Breite und Länge des Gebiets gäbe es {count:,}: Die Länge steht zuerst.</translation>
    </message>
    <message>
      <location filename="../empty.py" />
      <source>{count:,} without {what}</source>
      <translation>{count:,} ohne {what}</translation>
    </message>
    <message>
      <location filename="../empty.py" />
      <source>No scene matches all filters. There would be: {those}.</source>
      <translation>Keine Szene erfüllt alle Filter. Es gäbe: {those}.</translation>
    </message>
    <message>
      <location filename="../empty.py" />
      <source>No scene matches all filters, even without any one of: {those}. Without all of them there are {count:,}.</source>
      <translation>Keine Szene erfüllt alle Filter, auch nicht ohne einen von: {those}. Ohne sie alle gibt es {count:,}.</translation>
    </message>
    <message>
      <location filename="../field_rows.py" />
      <source>Any</source>
      <translation>Jede</translation>
    </message>
    <message>
      <location filename="../field_rows.py" />
      <source>from</source>
      <translation>von</translation>
    </message>
    <message>
      <location filename="../field_rows.py" />
      <source>to</source>
      <translation>bis</translation>
    </message>
    <message>
      <location filename="../field_rows.py" />
      <source>several with commas between</source>
      <translation>mehrere durch Kommas getrennt</translation>
    </message>
    <message>
      <location filename="../field_rows.py" />
      <source>{quality} or better</source>
      <translation>{quality} oder besser</translation>
    </message>
    <message>
      <location filename="../filters.py" />
      <source>More fields</source>
      <translation>Weitere Felder</translation>
    </message>
    <message>
      <location filename="../filters.py" />
      <source>Order</source>
      <translation>Reihenfolge</translation>
    </message>
    <message>
      <location filename="../filters.py" />
      <source>Acquired</source>
      <translation>Aufgenommen</translation>
    </message>
    <message>
      <location filename="../filters.py" />
      <source>From – to</source>
      <translation>Von – bis</translation>
    </message>
    <message>
      <location filename="../filters.py" />
      <source>Cloud</source>
      <translation>Wolken</translation>
    </message>
    <message>
      <location filename="../filters.py" />
      <source>Any time</source>
      <translation>Jederzeit</translation>
    </message>
    <message>
      <location filename="../filters.py" />
      <source>Last 7 days</source>
      <translation>Letzte 7 Tage</translation>
    </message>
    <message>
      <location filename="../filters.py" />
      <source>Last 30 days</source>
      <translation>Letzte 30 Tage</translation>
    </message>
    <message>
      <location filename="../filters.py" />
      <source>Last 3 months</source>
      <translation>Letzte 3 Monate</translation>
    </message>
    <message>
      <location filename="../filters.py" />
      <source>Last year</source>
      <translation>Letztes Jahr</translation>
    </message>
    <message>
      <location filename="../filters.py" />
      <source>Between two days</source>
      <translation>Zwischen zwei Tagen</translation>
    </message>
    <message>
      <location filename="../filters.py" />
      <source>Newest first</source>
      <translation>Neueste zuerst</translation>
    </message>
    <message>
      <location filename="../filters.py" />
      <source>Oldest first</source>
      <translation>Älteste zuerst</translation>
    </message>
    <message>
      <location filename="../filters.py" />
      <source>At most</source>
      <translation>Höchstens</translation>
    </message>
    <message>
      <location filename="../filters.py" />
      <source>any</source>
      <translation>beliebig</translation>
    </message>
    <message>
      <location filename="../follow.py" />
      <source>Scenes in view</source>
      <translation>Szenen im Ausschnitt</translation>
    </message>
    <message>
      <location filename="../follow.py" />
      <source>Looking for the scenes in view</source>
      <translation>Szenen im Ausschnitt werden gesucht</translation>
    </message>
    <message>
      <location filename="../gdal_calls.py" />
      <source>GDAL gives no reason</source>
      <translation>GDAL nennt keinen Grund</translation>
    </message>
    <message>
      <location filename="../help.py" />
      <source>Help on Planet Scenes</source>
      <translation>Hilfe zu Planet Scenes</translation>
    </message>
    <message>
      <location filename="../imagery.py" />
      <source>True colour</source>
      <translation>Echtfarben</translation>
    </message>
    <message>
      <location filename="../imagery.py" />
      <source>False colour, vegetation in red</source>
      <translation>Falschfarben, Vegetation in Rot</translation>
    </message>
    <message>
      <location filename="../imagery.py" />
      <source>Short-wave infrared, cities</source>
      <translation>Kurzwelliges Infrarot, Städte</translation>
    </message>
    <message>
      <location filename="../imagery.py" />
      <source>Fields</source>
      <translation>Felder</translation>
    </message>
    <message>
      <location filename="../imagery.py" />
      <source>Land and water</source>
      <translation>Land und Wasser</translation>
    </message>
    <message>
      <location filename="../imagery.py" />
      <source>NDVI, vegetation</source>
      <translation>NDVI, Vegetation</translation>
    </message>
    <message>
      <location filename="../imagery.py" />
      <source>NDWI, open water</source>
      <translation>NDWI, offenes Wasser</translation>
    </message>
    <message>
      <location filename="../imagery.py" />
      <source>Scene {scene} has no product that can be opened.</source>
      <translation>Szene {scene} hat kein Produkt, das geöffnet werden kann.</translation>
    </message>
    <message>
      <location filename="../imagery_menu.py" />
      <source>Hide clouds, haze and shadows</source>
      <translation>Wolken, Dunst und Schatten ausblenden</translation>
    </message>
    <message>
      <location filename="../imagery_menu.py" />
      <source>{title} (no mask)</source>
      <translation>{title} (ohne Maske)</translation>
    </message>
    <message>
      <location filename="../layers.py" />
      <source>Satellite scenes found by a live search, {name}: their footprints and properties.</source>
      <translation>Satellitenszenen einer lebenden Suche, {name}: ihre Umrisse und Eigenschaften.</translation>
    </message>
    <message>
      <location filename="../layers.py" />
      <source>QGIS cannot open {name}: its GDAL may lack Python support.</source>
      <translation>QGIS kann {name} nicht öffnen: seinem GDAL fehlt vielleicht die Unterstützung für Python.</translation>
    </message>
    <message>
      <location filename="../locator.py" />
      <source>Planet scenes</source>
      <translation>Planet-Szenen</translation>
    </message>
    <message>
      <location filename="../locator.py" />
      <source>{name} has no scene {scene}.</source>
      <translation>{name} hat keine Szene {scene}.</translation>
    </message>
    <message>
      <location filename="../locator.py" />
      <source>Add its footprint</source>
      <translation>Ihren Umriss hinzufügen</translation>
    </message>
    <message>
      <location filename="../locator.py" />
      <source>{name} has {count} collections: write pl COLLECTION/ID.</source>
      <translation>{name} hat {count} Sammlungen: Schreiben Sie pl SAMMLUNG/ID.</translation>
    </message>
    <message>
      <location filename="../locator.py" />
      <source>, {cover:.0f} % cloud</source>
      <translation>, {cover:.0f} % Wolken</translation>
    </message>
    <message>
      <location filename="../locator.py" />
      <source>Add its product {product}</source>
      <translation>Ihr Produkt {product} hinzufügen</translation>
    </message>
    <message>
      <location filename="../log_in_fields.py" />
      <source>User name</source>
      <translation>Benutzername</translation>
    </message>
    <message>
      <location filename="../log_in_fields.py" />
      <source>Keys are stored in QGIS's authentication manager, never in projects or layers.</source>
      <translation>Schlüssel liegen in der Authentifizierungsverwaltung von QGIS, nie in Projekten oder Layern.</translation>
    </message>
    <message>
      <location filename="../log_in_fields.py" />
      <source>API key</source>
      <translation>API-Schlüssel</translation>
    </message>
    <message>
      <location filename="../log_in_fields.py" />
      <source>Bearer token</source>
      <translation>Bearer-Token</translation>
    </message>
    <message>
      <location filename="../log_in_fields.py" />
      <source>User name and password</source>
      <translation>Benutzername und Passwort</translation>
    </message>
    <message>
      <location filename="../log_in_fields.py" />
      <source>Stored in QGIS</source>
      <translation>In QGIS gespeichert</translation>
    </message>
    <message>
      <location filename="../log_in_fields.py" />
      <source>Password</source>
      <translation>Passwort</translation>
    </message>
    <message>
      <location filename="../log_in_fields.py" />
      <source>none</source>
      <translation>keiner</translation>
    </message>
    <message>
      <location filename="../masks.py" />
      <source>{title} has no mask of usable pixels: add it without.</source>
      <translation>{title} hat keine Maske der brauchbaren Pixel: ohne Maske hinzufügen.</translation>
    </message>
    <message>
      <location filename="../masks.py" />
      <source>{title} is not a mask of usable pixels.</source>
      <translation>{title} ist keine Maske der brauchbaren Pixel.</translation>
    </message>
    <message>
      <location filename="../masks.py" />
      <source>{title} has another coordinate system than its product.</source>
      <translation>{title} hat ein anderes Koordinatensystem als das Produkt.</translation>
    </message>
    <message>
      <location filename="../masks.py" />
      <source>{title} is not north up, so it cannot be masked.</source>
      <translation>{title} ist nicht nach Norden ausgerichtet und kann nicht maskiert werden.</translation>
    </message>
    <message>
      <location filename="../messages.py" />
      <source>Open log</source>
      <translation>Protokoll öffnen</translation>
    </message>
    <message>
      <location filename="../options_page.py" />
      <source>logged in</source>
      <translation>angemeldet</translation>
    </message>
    <message>
      <location filename="../options_page.py" />
      <source>set outside QGIS</source>
      <translation>außerhalb von QGIS gesetzt</translation>
    </message>
    <message>
      <location filename="../options_page.py" />
      <source>Connections</source>
      <translation>Verbindungen</translation>
    </message>
    <message>
      <location filename="../options_page.py" />
      <source>Remove them</source>
      <translation>Diese entfernen</translation>
    </message>
    <message>
      <location filename="../options_page.py" />
      <source>Search results cached on disk</source>
      <translation>Suchergebnisse auf der Festplatte</translation>
    </message>
    <message>
      <location filename="../options_page.py" />
      <source>Connection</source>
      <translation>Verbindung</translation>
    </message>
    <message>
      <location filename="../options_page.py" />
      <source>Key</source>
      <translation>Schlüssel</translation>
    </message>
    <message>
      <location filename="../options_page.py" />
      <source>New…</source>
      <translation>Neu …</translation>
    </message>
    <message>
      <location filename="../options_page.py" />
      <source>Import…</source>
      <translation>Importieren …</translation>
    </message>
    <message>
      <location filename="../options_page.py" />
      <source>Files…</source>
      <translation>Dateien …</translation>
    </message>
    <message>
      <location filename="../options_page.py" />
      <source>{count} results, {size:.1f} MB</source>
      <translation>{count} Ergebnisse, {size:.1f} MB</translation>
    </message>
    <message>
      <location filename="../overviews.py" />
      <source>Overviews of {title} need {size} MB of it: create them with 'planet-vector overviews'.</source>
      <translation>Übersichten von {title} brauchen {size} MB davon: sie mit „planet-vector overviews“ erstellen.</translation>
    </message>
    <message>
      <location filename="../overviews.py" />
      <source>{title} has overviews, or refers to others.</source>
      <translation>{title} hat Übersichten oder verweist auf andere.</translation>
    </message>
    <message>
      <location filename="../overviews.py" />
      <source>{title} cannot be decoded: {why}.</source>
      <translation>{title} lässt sich nicht dekodieren: {why}.</translation>
    </message>
    <message>
      <location filename="../place_dock.py" />
      <source>Scenes at a place</source>
      <translation>Szenen an einem Ort</translation>
    </message>
    <message>
      <location filename="../place_dock.py" />
      <source>Click a place on the map.</source>
      <translation>Einen Ort auf der Karte anklicken.</translation>
    </message>
    <message>
      <location filename="../place_dock.py" />
      <source>All of the collection</source>
      <translation>Alle der Sammlung</translation>
    </message>
    <message>
      <location filename="../place_dock.py" />
      <source>List all scenes of the collection there, not only those that match the search</source>
      <translation>Dort alle Szenen der Sammlung auflisten, nicht nur die, die zur Suche passen</translation>
    </message>
    <message>
      <location filename="../place_dock.py" />
      <source>Width of the pictures on the ground</source>
      <translation>Breite der Bilder am Boden</translation>
    </message>
    <message>
      <location filename="../place_dock.py" />
      <source>Choose another place on the map</source>
      <translation>Einen anderen Ort auf der Karte wählen</translation>
    </message>
    <message>
      <location filename="../place_dock.py" />
      <source>Place</source>
      <translation>Ort</translation>
    </message>
    <message>
      <location filename="../place_dock.py" />
      <source>Add the imagery of the selected scenes; a double click adds one</source>
      <translation>Bilddaten der gewählten Szenen hinzufügen; ein Doppelklick fügt eine hinzu</translation>
    </message>
    <message>
      <location filename="../place_dock.py" />
      <source>Searching</source>
      <translation>Suche läuft</translation>
    </message>
    <message>
      <location filename="../place_dock.py" />
      <source>Looking for the scenes at a place</source>
      <translation>Szenen an einem Ort werden gesucht</translation>
    </message>
    <message>
      <location filename="../place_dock.py" />
      <source>the first {count} scenes</source>
      <translation>die ersten {count} Szenen</translation>
    </message>
    <message>
      <location filename="../place_dock.py" />
      <source>The place is not on the globe: click another one.</source>
      <translation>Der Ort liegt nicht auf der Erde: einen anderen anklicken.</translation>
    </message>
    <message>
      <location filename="../place_dock.py" />
      <source>latitude {latitude:.4f}, longitude {longitude:.4f}</source>
      <translation>Breite {latitude:.4f}, Länge {longitude:.4f}</translation>
    </message>
    <message>
      <location filename="../plugin.py" />
      <source>Search satellite scenes</source>
      <translation>Satellitenszenen suchen</translation>
    </message>
    <message>
      <location filename="../plugin.py" />
      <source>Add Satellite Scenes…</source>
      <translation>Satellitenszenen hinzufügen…</translation>
    </message>
    <message>
      <location filename="../polygons.py" />
      <source>The area cannot be read: {reason}.</source>
      <translation>Die Fläche kann nicht gelesen werden: {reason}.</translation>
    </message>
    <message>
      <location filename="../processing/activate.py" />
      <source>Asks a service that prepares files on request, such as Planet's Data API, for products of scenes, and waits until they can be opened and downloaded. Activation may count against your quota. If a scene lacks a product, or you may not download it, none is activated. After an interruption, the service continues; run the algorithm again to wait for the rest.</source>
      <translation>Fordert bei einem Dienst, der Dateien auf Anfrage bereitstellt, etwa Planets Data API, Produkte von Szenen an und wartet, bis sie geöffnet und heruntergeladen werden können. Die Aktivierung kann auf Ihr Kontingent angerechnet werden. Fehlt einer Szene ein Produkt oder dürfen Sie es nicht herunterladen, so wird keines aktiviert. Nach einem Abbruch arbeitet der Dienst weiter; führen Sie den Algorithmus erneut aus, um auf die übrigen zu warten.</translation>
    </message>
    <message>
      <location filename="../processing/activate.py" />
      <source>Wait until the products are active</source>
      <translation>Warten, bis die Produkte aktiv sind</translation>
    </message>
    <message>
      <location filename="../processing/activate.py" />
      <source>Longest time to wait (minutes)</source>
      <translation>Längste Wartezeit (Minuten)</translation>
    </message>
    <message>
      <location filename="../processing/activate.py" />
      <source>Number of active products</source>
      <translation>Anzahl der aktiven Produkte</translation>
    </message>
    <message>
      <location filename="../processing/activate.py" />
      <source>The files of this service are always available: nothing is activated.</source>
      <translation>Die Dateien dieses Dienstes sind immer verfügbar: Es wird nichts aktiviert.</translation>
    </message>
    <message>
      <location filename="../processing/activate.py" />
      <source>{count} of {all} products are active.</source>
      <translation>{count} von {all} Produkten sind aktiv.</translation>
    </message>
    <message>
      <location filename="../processing/algorithm.py" />
      <source>{title} is {value}: give a number.</source>
      <translation>{title} ist {value}: eine Zahl angeben.</translation>
    </message>
    <message>
      <location filename="../processing/algorithm.py" />
      <source>{title} is {value}: give a number from {least:g} to {most:g}.</source>
      <translation>{title} ist {value}: eine Zahl von {least:g} bis {most:g} angeben.</translation>
    </message>
    <message>
      <location filename="../processing/algorithm.py" />
      <source>Cancelled.</source>
      <translation>Abgebrochen.</translation>
    </message>
    <message>
      <location filename="../processing/algorithm.py" />
      <source>A geometry lies outside the coordinate system: check that of its layer.</source>
      <translation>Eine Geometrie liegt außerhalb des Koordinatensystems: das des Layers prüfen.</translation>
    </message>
    <message>
      <location filename="../processing/algorithm.py" />
      <source>{title} has no such option.</source>
      <translation>{title} hat keine solche Auswahl.</translation>
    </message>
    <message>
      <location filename="../processing/crops.py" />
      <source>Crop stack</source>
      <translation>Stapel zuschneiden</translation>
    </message>
    <message>
      <location filename="../processing/crops.py" />
      <source>Cuts an area out of each scene that covers it: one GeoTIFF per scene, all on one north-up grid of matching pixels. The grid contains the whole pixels that the rectangle around the area touches. Without an area, with a polygon of 'Find stacks' (whose scenes are then used), or on request, the area is the largest rectangle that all scenes cover. Each scene is read remotely, and only within the area. The tags of each file contain the scene, its acquisition time, the share of valid pixels, and the share of the area with data.</source>
      <translation>Schneidet ein Gebiet aus jeder Szene, die es bedeckt: ein GeoTIFF je Szene, alle auf einem genordeten Gitter mit übereinstimmenden Pixeln. Das Gitter enthält die ganzen Pixel, die das Rechteck um das Gebiet berührt. Ohne Gebiet, mit einem Polygon aus „Stapel finden“ (dessen Szenen dann verwendet werden) oder auf Wunsch ist es das größte Rechteck, das alle Szenen bedecken. Jede Szene wird aus der Ferne gelesen, und nur innerhalb des Gebiets. Die Metadaten jeder Datei enthalten die Szene, ihren Aufnahmezeitpunkt, den Anteil gültiger Pixel und den Anteil des Gebiets mit Daten.</translation>
    </message>
    <message>
      <location filename="../processing/crops.py" />
      <source>{width} × {height} pixels of {pixel:g} m, EPSG:{epsg}</source>
      <translation>{width} × {height} Pixel zu {pixel:g} m, EPSG:{epsg}</translation>
    </message>
    <message>
      <location filename="../processing/crops.py" />
      <source>No scene covers the whole area, only up to {percent:.1f} % of it: choose a smaller area.</source>
      <translation>Keine Szene bedeckt das ganze Gebiet, sondern höchstens {percent:.1f} % davon: ein kleineres Gebiet wählen.</translation>
    </message>
    <message>
      <location filename="../processing/crops.py" />
      <source>One polygon to cut out, or a stack; by default all common ground.</source>
      <translation>Ein Polygon, das ausgeschnitten wird, oder ein Stapel; sonst die ganze gemeinsame Fläche.</translation>
    </message>
    <message>
      <location filename="../processing/crops.py" />
      <source>By default that of the oldest scene; the grid is aligned with its pixels.</source>
      <translation>Sonst die der ältesten Szene, an deren Pixeln das Gitter ausgerichtet wird.</translation>
    </message>
    <message>
      <location filename="../processing/crops.py" />
      <source>Scene {scene} covers {percent:.1f} % of the area: it is left out.</source>
      <translation>Szene {scene} bedeckt {percent:.1f} % des Gebiets: sie bleibt weg.</translation>
    </message>
    <message>
      <location filename="../processing/crops.py" />
      <source>Largest rectangle inside the area</source>
      <translation>Größtes Rechteck im Gebiet</translation>
    </message>
    <message>
      <location filename="../processing/crops.py" />
      <source>Pixel size (m)</source>
      <translation>Pixelgröße (m)</translation>
    </message>
    <message>
      <location filename="../processing/crops.py" />
      <source>Folder</source>
      <translation>Ordner</translation>
    </message>
    <message>
      <location filename="../processing/crops.py" />
      <source>Crops</source>
      <translation>Ausschnitte</translation>
    </message>
    <message>
      <location filename="../processing/crops.py" />
      <source>Number of crops</source>
      <translation>Anzahl der Ausschnitte</translation>
    </message>
    <message>
      <location filename="../processing/crops.py" />
      <source>No scene has data in the area.</source>
      <translation>Keine Szene hat Daten im Gebiet.</translation>
    </message>
    <message>
      <location filename="../processing/crops.py" />
      <source>The scenes have no ground in common.</source>
      <translation>Die Szenen haben kein gemeinsames Gebiet.</translation>
    </message>
    <message>
      <location filename="../processing/crops.py" />
      <source>Scene {scene} has no footprint: leave it out.</source>
      <translation>Die Szene {scene} hat keinen Umriss: sie weglassen.</translation>
    </message>
    <message>
      <location filename="../processing/crops.py" />
      <source>The area has {count} polygons: select the one to crop.</source>
      <translation>Das Gebiet hat {count} Polygone: das auswählen, das zugeschnitten werden soll.</translation>
    </message>
    <message>
      <location filename="../processing/crops.py" />
      <source>Scene {scene} of the stack is not in the layer of scenes.</source>
      <translation>Die Szene {scene} des Stapels ist nicht im Layer der Szenen.</translation>
    </message>
    <message>
      <location filename="../processing/crops.py" />
      <source>Scene {scene} has no data in the area: it is left out.</source>
      <translation>Szene {scene} hat keine Daten im Gebiet: sie bleibt weg.</translation>
    </message>
    <message>
      <location filename="../processing/download.py" />
      <source>Download products</source>
      <translation>Produkte herunterladen</translation>
    </message>
    <message>
      <location filename="../processing/download.py" />
      <source>Downloads products of scenes as whole files. Existing files are kept, and interrupted downloads are resumed. Products can be viewed without a download: add them as layers.</source>
      <translation>Lädt Produkte von Szenen als ganze Dateien herunter. Vorhandene Dateien bleiben erhalten, und unterbrochene Downloads werden fortgesetzt. Zum Ansehen ist kein Download nötig: Produkte können als Layer hinzugefügt werden.</translation>
    </message>
    <message>
      <location filename="../processing/download.py" />
      <source>Replace files that do not come from the service</source>
      <translation>Dateien ersetzen, die nicht vom Dienst stammen</translation>
    </message>
    <message>
      <location filename="../processing/download.py" />
      <source>Files</source>
      <translation>Dateien</translation>
    </message>
    <message>
      <location filename="../processing/download.py" />
      <source>Number of files</source>
      <translation>Anzahl der Dateien</translation>
    </message>
    <message>
      <location filename="../processing/imagery.py" />
      <source>The coordinate system does not fit the scenes: {why}.</source>
      <translation>Das Koordinatensystem passt nicht zu den Szenen: {why}.</translation>
    </message>
    <message>
      <location filename="../processing/imagery.py" />
      <source>{width:,} × {height:,} pixels are too many: choose larger pixels, or a smaller area.</source>
      <translation>{width:,} × {height:,} Pixel sind zu viele: Wählen Sie größere Pixel oder eine kleinere Fläche.</translation>
    </message>
    <message>
      <location filename="../processing/imagery.py" />
      <source>The pixels cannot be read or written: {why}.</source>
      <translation>Die Pixel können nicht gelesen oder geschrieben werden: {why}.</translation>
    </message>
    <message>
      <location filename="../processing/imagery.py" />
      <source>The raster cannot be written: {why}.</source>
      <translation>Das Raster kann nicht geschrieben werden: {why}.</translation>
    </message>
    <message>
      <location filename="../processing/layer_features.py" />
      <source>The area contains no polygon.</source>
      <translation>Das Gebiet enthält kein Polygon.</translation>
    </message>
    <message>
      <location filename="../processing/mosaic.py" />
      <source>Mosaic</source>
      <translation>Mosaik</translation>
    </message>
    <message>
      <location filename="../processing/mosaic.py" />
      <source>Merges a product of many scenes into one GeoTIFF. Each scene is read remotely, and only within the extent.</source>
      <translation>Setzt ein Produkt vieler Szenen zu einem GeoTIFF zusammen. Jede Szene wird aus der Ferne gelesen, und nur innerhalb der Ausdehnung.</translation>
    </message>
    <message>
      <location filename="../processing/mosaic.py" />
      <source>By default around all scenes.</source>
      <translation>Sonst um alle Szenen herum.</translation>
    </message>
    <message>
      <location filename="../processing/mosaic.py" />
      <source>In units of the coordinate system; by default that of the scene on top.</source>
      <translation>In Einheiten des Koordinatensystems; sonst die der obersten Szene.</translation>
    </message>
    <message>
      <location filename="../processing/mosaic.py" />
      <source>By default that of the scene on top.</source>
      <translation>Sonst das der obersten Szene.</translation>
    </message>
    <message>
      <location filename="../processing/mosaic.py" />
      <source>The newest</source>
      <translation>Die neueste</translation>
    </message>
    <message>
      <location filename="../processing/mosaic.py" />
      <source>The oldest</source>
      <translation>Die älteste</translation>
    </message>
    <message>
      <location filename="../processing/mosaic.py" />
      <source>The clearest</source>
      <translation>Die klarste</translation>
    </message>
    <message>
      <location filename="../processing/mosaic.py" />
      <source>Extent</source>
      <translation>Ausdehnung</translation>
    </message>
    <message>
      <location filename="../processing/mosaic.py" />
      <source>Pixel size</source>
      <translation>Pixelgröße</translation>
    </message>
    <message>
      <location filename="../processing/mosaic.py" />
      <source>Coordinate system</source>
      <translation>Koordinatensystem</translation>
    </message>
    <message>
      <location filename="../processing/mosaic.py" />
      <source>Scene on top</source>
      <translation>Oberste Szene</translation>
    </message>
    <message>
      <location filename="../processing/mosaic.py" />
      <source>No scene is in the extent.</source>
      <translation>Keine Szene ist in der Ausdehnung.</translation>
    </message>
    <message>
      <location filename="../processing/mosaic.py" />
      <source>The extent has no area.</source>
      <translation>Die Ausdehnung hat keine Fläche.</translation>
    </message>
    <message>
      <location filename="../processing/mosaic.py" />
      <source>{width} × {height} pixels</source>
      <translation>{width} × {height} Pixel</translation>
    </message>
    <message>
      <location filename="../processing/overlay.py" />
      <source>The size of the area cannot be measured: choose a smaller one.</source>
      <translation>Die Größe des Gebiets kann nicht gemessen werden: ein kleineres wählen.</translation>
    </message>
    <message>
      <location filename="../processing/places.py" />
      <source>The layer of places has no coordinate system: set it in its properties.</source>
      <translation>Der Layer der Orte hat kein Koordinatensystem: Legen Sie es in seinen Eigenschaften fest.</translation>
    </message>
    <message>
      <location filename="../processing/places.py" />
      <source>The layer of places is empty: add points or polygons, or select some.</source>
      <translation>Der Layer der Orte ist leer: Fügen Sie Punkte oder Polygone hinzu, oder wählen Sie welche aus.</translation>
    </message>
    <message>
      <location filename="../processing/places.py" />
      <source>The places are points and polygons: use a layer of one kind.</source>
      <translation>Die Orte sind Punkte und Polygone: Verwenden Sie einen Layer einer Art.</translation>
    </message>
    <message>
      <location filename="../processing/places.py" />
      <source>Place {name} has no point and no polygon: give it one, or remove it.</source>
      <translation>Der Ort {name} hat weder Punkt noch Polygon: Ergänzen Sie ihn, oder entfernen Sie ihn.</translation>
    </message>
    <message>
      <location filename="../processing/places.py" />
      <source>Place {name} lies outside the globe: check the coordinate system of its layer.</source>
      <translation>Der Ort {name} liegt außerhalb der Erde: Prüfen Sie das Koordinatensystem seines Layers.</translation>
    </message>
    <message>
      <location filename="../processing/places.py" />
      <source>Feature {number} of the places has no value in {field}: give it one.</source>
      <translation>Objekt {number} der Orte hat keinen Wert in {field}: Tragen Sie einen ein.</translation>
    </message>
    <message>
      <location filename="../processing/places.py" />
      <source>Two places have the id {name}: choose a field whose values differ.</source>
      <translation>Zwei Orte haben die Kennung {name}: Wählen Sie ein Feld, dessen Werte sich unterscheiden.</translation>
    </message>
    <message>
      <location filename="../processing/places.py" />
      <source>Place {name} has several points: split it into features of one.</source>
      <translation>Der Ort {name} hat mehrere Punkte: Teilen Sie ihn in Objekte mit je einem.</translation>
    </message>
    <message>
      <location filename="../processing/places.py" />
      <source>Place {name} has no area: remove it.</source>
      <translation>Der Ort {name} hat keine Fläche: Entfernen Sie ihn.</translation>
    </message>
    <message>
      <location filename="../processing/rectangle.py" />
      <source>Largest rectangle</source>
      <translation>Größtes Rechteck</translation>
    </message>
    <message>
      <location filename="../processing/rectangle.py" />
      <source>Finds the largest rectangle inside each polygon: the part of a stack of scenes that makes an image without gaps. It is parallel to the axes of the coordinate system, unless any orientation is allowed. Without a coordinate system, each is computed in the UTM zone of its polygon and written in the coordinate system of the layer.</source>
      <translation>Findet das größte Rechteck in jedem Polygon: den Teil eines Stapels von Szenen, der ein Bild ohne Lücken ergibt. Es liegt parallel zu den Achsen des Koordinatensystems, wenn nicht jede Ausrichtung erlaubt ist. Ohne Koordinatensystem wird jedes in der UTM-Zone seines Polygons berechnet und im Koordinatensystem des Layers ausgegeben.</translation>
    </message>
    <message>
      <location filename="../processing/rectangle.py" />
      <source>Polygons</source>
      <translation>Polygone</translation>
    </message>
    <message>
      <location filename="../processing/rectangle.py" />
      <source>Coordinate system of the rectangle</source>
      <translation>Koordinatensystem des Rechtecks</translation>
    </message>
    <message>
      <location filename="../processing/rectangle.py" />
      <source>Width over height</source>
      <translation>Breite durch Höhe</translation>
    </message>
    <message>
      <location filename="../processing/rectangle.py" />
      <source>In any orientation</source>
      <translation>In jeder Ausrichtung</translation>
    </message>
    <message>
      <location filename="../processing/rectangle.py" />
      <source>Rectangles</source>
      <translation>Rechtecke</translation>
    </message>
    <message>
      <location filename="../processing/rectangle.py" />
      <source>Feature {id} has no area: it is left out.</source>
      <translation>Das Objekt {id} hat keine Fläche: es wird weggelassen.</translation>
    </message>
    <message>
      <location filename="../processing/rectangle.py" />
      <source>Feature {id}:</source>
      <translation>Objekt {id}:</translation>
    </message>
    <message>
      <location filename="../processing/sampling.py" />
      <source>{title} has no position, so places are not found in it.</source>
      <translation>{title} hat keine Lage, daher lassen sich Orte darin nicht finden.</translation>
    </message>
    <message>
      <location filename="../processing/sampling.py" />
      <source>{title} has {count} bands, so {name} cannot be band {number}: check the product.</source>
      <translation>{title} hat {count} Bänder, daher kann {name} nicht Band {number} sein: Prüfen Sie das Produkt.</translation>
    </message>
    <message>
      <location filename="../processing/sampling.py" />
      <source>Band {number} of {title} has complex numbers, which expressions do not take.</source>
      <translation>Band {number} von {title} hat komplexe Zahlen, die in Ausdrücken nicht möglich sind.</translation>
    </message>
    <message>
      <location filename="../processing/sampling.py" />
      <source>{expression} is for reflectance from 0 to 1, and band {number} of {title} has integers without a scale: give the scale, such as 0.0001.</source>
      <translation>{expression} gilt für Reflexion von 0 bis 1, und Band {number} von {title} hat ganze Zahlen ohne Skalierung: Geben Sie den Faktor an, etwa 0.0001.</translation>
    </message>
    <message>
      <location filename="../processing/sampling.py" />
      <source>A polygon spans {width:,} × {height:,} pixels of {title}; at most {most:,} are read: divide it.</source>
      <translation>Ein Polygon erstreckt sich über {width:,} × {height:,} Pixel von {title}; höchstens {most:,} werden gelesen: Teilen Sie es.</translation>
    </message>
    <message>
      <location filename="../processing/sampling.py" />
      <source>The pixels of {one} cannot be found in {other}: {why}.</source>
      <translation>Die Pixel von {one} lassen sich in {other} nicht finden: {why}.</translation>
    </message>
    <message>
      <location filename="../processing/sampling.py" />
      <source>{title} cannot be read: {why}.</source>
      <translation>{title} kann nicht gelesen werden: {why}.</translation>
    </message>
    <message>
      <location filename="../processing/search.py" />
      <source>Search scenes</source>
      <translation>Szenen suchen</translation>
    </message>
    <message>
      <location filename="../processing/search.py" />
      <source>Searches a scenes service and stores the footprints and properties of the scenes in a layer. The layer is a snapshot: it does not change when new scenes are published. For a live layer, use 'Add a search as a live layer'.</source>
      <translation>Durchsucht einen Szenendienst und speichert Umrisse und Eigenschaften der Szenen in einem Layer. Der Layer ist ein Abzug: er ändert sich nicht, wenn neue Szenen erscheinen. Für einen lebenden Layer gibt es „Suche als lebenden Layer hinzufügen“.</translation>
    </message>
    <message>
      <location filename="../processing/search.py" />
      <source>Add a search as a live layer</source>
      <translation>Suche als lebenden Layer hinzufügen</translation>
    </message>
    <message>
      <location filename="../processing/search.py" />
      <source>Opens a search as a vector layer. Nothing is stored: the layer requests the scenes in view from the service, and shows new scenes when it is opened again. In a model, its result is the input of further steps.</source>
      <translation>Öffnet eine Suche als Vektorlayer. Nichts wird gespeichert: der Layer fordert die sichtbaren Szenen vom Dienst an und zeigt neue Szenen, wenn er wieder geöffnet wird. In einem Modell ist sein Ergebnis die Eingabe weiterer Schritte.</translation>
    </message>
    <message>
      <location filename="../processing/search.py" />
      <source>A collection of the service; the browser panel lists them. Can be left empty if there is only one.</source>
      <translation>Eine Sammlung des Dienstes; das Browserfenster listet sie auf. Kann leer bleiben, wenn es nur eine gibt.</translation>
    </message>
    <message>
      <location filename="../processing/search.py" />
      <source>Finds scenes that share ground with it. Give this or an extent, or neither.</source>
      <translation>Findet Szenen, die Fläche mit ihm teilen. Dieses oder eine Ausdehnung angeben, oder keins von beiden.</translation>
    </message>
    <message>
      <location filename="../processing/search.py" />
      <source>This day is included.</source>
      <translation>Dieser Tag ist eingeschlossen.</translation>
    </message>
    <message>
      <location filename="../processing/search.py" />
      <source>One per line, in the syntax of the service: sat.off_nadir.lte=10, image_statistics.gsd.lt=4 …</source>
      <translation>Eine je Zeile, in der Schreibweise des Dienstes: sat.off_nadir.lte=10, image_statistics.gsd.lt=4 …</translation>
    </message>
    <message>
      <location filename="../processing/search.py" />
      <source>Scene type</source>
      <translation>Szenentyp</translation>
    </message>
    <message>
      <location filename="../processing/search.py" />
      <source>Area: an extent</source>
      <translation>Gebiet: eine Ausdehnung</translation>
    </message>
    <message>
      <location filename="../processing/search.py" />
      <source>Area: the polygons of a layer</source>
      <translation>Gebiet: die Polygone eines Layers</translation>
    </message>
    <message>
      <location filename="../processing/search.py" />
      <source>Acquired from (day, UTC)</source>
      <translation>Aufgenommen von (Tag, UTC)</translation>
    </message>
    <message>
      <location filename="../processing/search.py" />
      <source>Acquired to (day, UTC)</source>
      <translation>Aufgenommen bis (Tag, UTC)</translation>
    </message>
    <message>
      <location filename="../processing/search.py" />
      <source>Maximum cloud cover (%)</source>
      <translation>Höchste Bewölkung (%)</translation>
    </message>
    <message>
      <location filename="../processing/search.py" />
      <source>Further conditions</source>
      <translation>Weitere Bedingungen</translation>
    </message>
    <message>
      <location filename="../processing/search.py" />
      <source>Maximum number of scenes</source>
      <translation>Höchstzahl der Szenen</translation>
    </message>
    <message>
      <location filename="../processing/search.py" />
      <source>A search takes one area: give an extent or a layer, not both.</source>
      <translation>Eine Suche nimmt ein Gebiet: eine Ausdehnung oder einen Layer angeben, nicht beides.</translation>
    </message>
    <message>
      <location filename="../processing/search.py" />
      <source>The layer of the area has no polygon.</source>
      <translation>Der Layer des Gebiets hat kein Polygon.</translation>
    </message>
    <message>
      <location filename="../processing/search.py" />
      <source>Number of scenes</source>
      <translation>Anzahl der Szenen</translation>
    </message>
    <message>
      <location filename="../processing/search.py" />
      <source>Name of the search</source>
      <translation>Name der Suche</translation>
    </message>
    <message>
      <location filename="../processing/search.py" />
      <source>The service does not report cloud cover.</source>
      <translation>Der Dienst gibt keine Bewölkung an.</translation>
    </message>
    <message>
      <location filename="../processing/search.py" />
      <source>Give the scene type; connection {name} has: {types}.</source>
      <translation>Geben Sie den Szenentyp an; die Verbindung {name} hat: {types}.</translation>
    </message>
    <message>
      <location filename="../processing/search.py" />
      <source>The newest first</source>
      <translation>Die neuesten zuerst</translation>
    </message>
    <message>
      <location filename="../processing/search.py" />
      <source>The oldest first</source>
      <translation>Die ältesten zuerst</translation>
    </message>
    <message>
      <location filename="../processing/search.py" />
      <source>QGIS cannot open {name}.</source>
      <translation>QGIS kann {name} nicht öffnen.</translation>
    </message>
    <message>
      <location filename="../processing/search.py" />
      <source>The condition {text!r} has no value: write FIELD.COMPARATOR=VALUE.</source>
      <translation>Die Bedingung {text!r} hat keinen Wert: FELD.VERGLEICH=WERT schreiben.</translation>
    </message>
    <message>
      <location filename="../processing/series_chart.py" />
      <source>{shown} of {count} places are shown; the table has all.</source>
      <translation>{shown} von {count} Orten sind dargestellt; die Tabelle hat alle.</translation>
    </message>
    <message>
      <location filename="../processing/series_chart.py" />
      <source>Places without any value: {count}</source>
      <translation>Orte ohne jeden Wert: {count}</translation>
    </message>
    <message>
      <location filename="../processing/series_chart.py" />
      <source>No place has a value in any scene.</source>
      <translation>Kein Ort hat in einer Szene einen Wert.</translation>
    </message>
    <message>
      <location filename="../processing/service_algorithm.py" />
      <source>The name of a connection, see Options ▸ Planet Scenes; in scripts and models also the root URL of a service. The key comes from the connection or the environment, not from this parameter.</source>
      <translation>Der Name einer Verbindung, siehe Optionen ▸ Planet Scenes; in Skripten und Modellen auch die Adresse eines Dienstes. Der Schlüssel kommt aus der Verbindung oder der Umgebung, nicht aus diesem Parameter.</translation>
    </message>
    <message>
      <location filename="../processing/service_algorithm.py" />
      <source>A search layer, a snapshot of one, or the scenes selected in it.</source>
      <translation>Ein Suchlayer, ein Abzug davon oder die darin gewählten Szenen.</translation>
    </message>
    <message>
      <location filename="../processing/service_algorithm.py" />
      <source>Such as visual or analytic; by default the one that shows the scenes best.</source>
      <translation>Etwa visual oder analytic; als Vorgabe das, das die Szenen am besten zeigt.</translation>
    </message>
    <message>
      <location filename="../processing/service_algorithm.py" />
      <source>One or several with commas between, such as visual, analytic; by default the one that shows the scenes best.</source>
      <translation>Eines oder mehrere, mit Kommas getrennt, etwa visual, analytic; als Vorgabe das, das die Szenen am besten zeigt.</translation>
    </message>
    <message>
      <location filename="../processing/service_algorithm.py" />
      <source>Scene type, if the layer does not contain it</source>
      <translation>Szenentyp, wenn der Layer ihn nicht enthält</translation>
    </message>
    <message>
      <location filename="../processing/service_algorithm.py" />
      <source>Product</source>
      <translation>Produkt</translation>
    </message>
    <message>
      <location filename="../processing/service_algorithm.py" />
      <source>Products</source>
      <translation>Produkte</translation>
    </message>
    <message>
      <location filename="../processing/service_algorithm.py" />
      <source>Resampling</source>
      <translation>Abtastung</translation>
    </message>
    <message>
      <location filename="../processing/service_algorithm.py" />
      <source>The layer has no scenes: widen the search, or select some.</source>
      <translation>Der Layer hat keine Szenen: die Suche erweitern oder welche auswählen.</translation>
    </message>
    <message>
      <location filename="../processing/service_algorithm.py" />
      <source>A row of the layer has no id of a scene: remove it.</source>
      <translation>Eine Zeile des Layers hat keine Kennung einer Szene: Entfernen Sie sie.</translation>
    </message>
    <message>
      <location filename="../processing/service_algorithm.py" />
      <source>The layer has no column 'id' with the ids of scenes: use a layer made by a search.</source>
      <translation>Der Layer hat keine Spalte „id“ mit den Kennungen von Szenen: einen Layer aus einer Suche nehmen.</translation>
    </message>
    <message>
      <location filename="../processing/service_algorithm.py" />
      <source>The scenes have different preferred products, {names}: name a product.</source>
      <translation>Die Szenen haben verschiedene bevorzugte Produkte, {names}: Nennen Sie ein Produkt.</translation>
    </message>
    <message>
      <location filename="../processing/service_algorithm.py" />
      <source>The layer does not contain the type of scene {scene}: give the scene type.</source>
      <translation>Der Layer enthält den Typ der Szene {scene} nicht: den Szenentyp angeben.</translation>
    </message>
    <message>
      <location filename="../processing/service_algorithm.py" />
      <source>Scene {scene} does not belong to connection {name}: choose the connection it was found with.</source>
      <translation>Die Szene {scene} gehört nicht zur Verbindung {name}: die Verbindung wählen, mit der sie gefunden wurde.</translation>
    </message>
    <message>
      <location filename="../processing/stacks.py" />
      <source>Find stacks</source>
      <translation>Stapel finden</translation>
    </message>
    <message>
      <location filename="../processing/stacks.py" />
      <source>Finds the sets of scenes that cover the same ground, by an exact overlay of their footprints. Each stack is as large a set as the minimum area allows, and none is part of another; those with most scenes come first. Its geometry is the ground that all of its scenes cover. With an area of interest, only ground within it counts: first come all scenes that cover the whole area, or else those that share most of it, and a column contains the share of the area that each stack covers.</source>
      <translation>Findet die Gruppen von Szenen, die dieselbe Fläche bedecken, durch genaue Verschneidung ihrer Umrisse. Jeder Stapel ist eine so große Gruppe, wie die Mindestfläche erlaubt, und keiner ist Teil eines anderen; die mit den meisten Szenen kommen zuerst. Seine Geometrie ist die Fläche, die alle seine Szenen bedecken. Mit einem Interessengebiet zählt nur die Fläche darin: zuerst kommen alle Szenen, die das ganze Gebiet bedecken, oder sonst die, die am meisten davon teilen, und eine Spalte enthält den Anteil des Gebiets, den jeder Stapel bedeckt.</translation>
    </message>
    <message>
      <location filename="../processing/stacks.py" />
      <source>Footprints</source>
      <translation>Umrisse</translation>
    </message>
    <message>
      <location filename="../processing/stacks.py" />
      <source>Column with the scene id</source>
      <translation>Spalte mit der Szenenkennung</translation>
    </message>
    <message>
      <location filename="../processing/stacks.py" />
      <source>Column with the acquisition time</source>
      <translation>Spalte mit dem Aufnahmezeitpunkt</translation>
    </message>
    <message>
      <location filename="../processing/stacks.py" />
      <source>Minimum number of scenes in a stack</source>
      <translation>Mindestzahl der Szenen eines Stapels</translation>
    </message>
    <message>
      <location filename="../processing/stacks.py" />
      <source>Minimum area they share (km²)</source>
      <translation>Mindestfläche, die sie teilen (km²)</translation>
    </message>
    <message>
      <location filename="../processing/stacks.py" />
      <source>Area of interest</source>
      <translation>Interessengebiet</translation>
    </message>
    <message>
      <location filename="../processing/stacks.py" />
      <source>Stacks</source>
      <translation>Stapel</translation>
    </message>
    <message>
      <location filename="../processing/stacks.py" />
      <source>Number of stacks</source>
      <translation>Anzahl der Stapel</translation>
    </message>
    <message>
      <location filename="../processing/stacks.py" />
      <source>{count} footprints</source>
      <translation>{count} Umrisse</translation>
    </message>
    <message>
      <location filename="../processing/stacks.py" />
      <source>The layer has no column {name}: choose another.</source>
      <translation>Der Layer hat keine Spalte {name}: wählen Sie eine andere.</translation>
    </message>
    <message>
      <location filename="../processing/sync.py" />
      <source>{done} scenes are complete, {todo} are to be fetched.</source>
      <translation>{done} Szenen sind vollständig, {todo} werden heruntergeladen.</translation>
    </message>
    <message>
      <location filename="../processing/sync.py" />
      <source>Synchronise a folder with a search</source>
      <translation>Ordner mit einer Suche abgleichen</translation>
    </message>
    <message>
      <location filename="../processing/sync.py" />
      <source>Downloads the products of all scenes of a search that a folder lacks, with a file of metadata for each scene. Run it again to fetch new scenes, and those that failed or were interrupted. Files of scenes that were published again are replaced; nothing is deleted.</source>
      <translation>Lädt die Produkte aller Szenen einer Suche herunter, die einem Ordner fehlen, mit einer Datei von Metadaten je Szene. Führen Sie ihn erneut aus, um neue Szenen zu holen und solche, die fehlschlugen oder abgebrochen wurden. Dateien von Szenen, die neu veröffentlicht wurden, werden ersetzt; gelöscht wird nichts.</translation>
    </message>
    <message>
      <location filename="../processing/sync.py" />
      <source>Only list what would be downloaded</source>
      <translation>Nur auflisten, was heruntergeladen würde</translation>
    </message>
    <message>
      <location filename="../processing/sync.py" />
      <source>{name} is no longer at the service: it is not tried again.</source>
      <translation>{name} gibt es beim Dienst nicht mehr: Es wird nicht erneut versucht.</translation>
    </message>
    <message>
      <location filename="../processing/sync.py" />
      <source>{count} scenes or products could not be fetched; the first: {error} Run the algorithm again to fetch the rest.</source>
      <translation>{count} Szenen oder Produkte konnten nicht heruntergeladen werden; das erste: {error} Führen Sie den Algorithmus erneut aus, um die übrigen zu holen.</translation>
    </message>
    <message>
      <location filename="../processing/timeseries.py" />
      <source>Time series of places</source>
      <translation>Zeitreihe von Orten</translation>
    </message>
    <message>
      <location filename="../processing/timeseries.py" />
      <source>Reads the values of a band, or of an expression of bands, at points or in polygons from all scenes that cover them, into a table with a row for each place and scene. Only the pixels of the places are read. Of a point it is the pixel that contains it; of a polygon the pixels whose centre is inside, with their mean, median, minimum, maximum, standard deviation and number. The column 'valid' is the share of pixels that have data, from 0 to 1.</source>
      <translation>Liest die Werte eines Bandes oder eines Ausdrucks von Bändern an Punkten oder in Polygonen aus allen Szenen, die sie abdecken, in eine Tabelle mit einer Zeile je Ort und Szene. Nur die Pixel der Orte werden gelesen. Bei einem Punkt ist es das Pixel, das ihn enthält; bei einem Polygon sind es die Pixel, deren Mitte darin liegt, mit Mittelwert, Median, Minimum, Maximum, Standardabweichung und Anzahl. Die Spalte 'valid' ist der Anteil der Pixel mit Daten, von 0 bis 1.</translation>
    </message>
    <message>
      <location filename="../processing/timeseries.py" />
      <source>HTML files (*.html)</source>
      <translation>HTML-Dateien (*.html)</translation>
    </message>
    <message>
      <location filename="../processing/timeseries.py" />
      <source>By default the numbers of the features.</source>
      <translation>Als Vorgabe die Nummern der Objekte.</translation>
    </message>
    <message>
      <location filename="../processing/timeseries.py" />
      <source>The product that has the bands; by default any that has them.</source>
      <translation>Das Produkt, das die Bänder hat; als Vorgabe irgendeines, das sie hat.</translation>
    </message>
    <message>
      <location filename="../processing/timeseries.py" />
      <source>By default as the file states, else the service.</source>
      <translation>Als Vorgabe nach Angabe der Datei, sonst des Dienstes.</translation>
    </message>
    <message>
      <location filename="../processing/timeseries.py" />
      <source>The rows of such a scene have no values, and the reason in a column 'error'.</source>
      <translation>Die Zeilen einer solchen Szene haben keine Werte, und den Grund in der Spalte 'error'.</translation>
    </message>
    <message>
      <location filename="../processing/timeseries.py" />
      <source>A page with the values of each place over time; for polygons, the mean with the standard deviation.</source>
      <translation>Eine Seite mit den Werten jedes Ortes im Lauf der Zeit; bei Polygonen der Mittelwert mit der Standardabweichung.</translation>
    </message>
    <message>
      <location filename="../processing/timeseries.py" />
      <source>Places: points or polygons</source>
      <translation>Orte: Punkte oder Polygone</translation>
    </message>
    <message>
      <location filename="../processing/timeseries.py" />
      <source>Field with the ids of places</source>
      <translation>Feld mit den Kennungen der Orte</translation>
    </message>
    <message>
      <location filename="../processing/timeseries.py" />
      <source>Band or expression</source>
      <translation>Band oder Ausdruck</translation>
    </message>
    <message>
      <location filename="../processing/timeseries.py" />
      <source>Factor of the pixels</source>
      <translation>Faktor der Pixel</translation>
    </message>
    <message>
      <location filename="../processing/timeseries.py" />
      <source>Summand of the pixels</source>
      <translation>Summand der Pixel</translation>
    </message>
    <message>
      <location filename="../processing/timeseries.py" />
      <source>Continue after a scene that fails</source>
      <translation>Nach einer fehlgeschlagenen Szene fortfahren</translation>
    </message>
    <message>
      <location filename="../processing/timeseries.py" />
      <source>Time series</source>
      <translation>Zeitreihe</translation>
    </message>
    <message>
      <location filename="../processing/timeseries.py" />
      <source>Chart</source>
      <translation>Diagramm</translation>
    </message>
    <message>
      <location filename="../processing/timeseries.py" />
      <source>Number of rows</source>
      <translation>Anzahl der Zeilen</translation>
    </message>
    <message>
      <location filename="../processing/timeseries.py" />
      <source>Number of scenes that failed</source>
      <translation>Anzahl der fehlgeschlagenen Szenen</translation>
    </message>
    <message>
      <location filename="../processing/timeseries.py" />
      <source>No scene covers a place: widen the search, or check the places.</source>
      <translation>Keine Szene deckt einen Ort ab: Erweitern Sie die Suche, oder prüfen Sie die Orte.</translation>
    </message>
    <message>
      <location filename="../processing/timeseries.py" />
      <source>Arithmetic on bands such as (nir - red) / (nir + red), a band, or an index: {indices}.</source>
      <translation>Eine Rechnung mit Bändern wie (nir - red) / (nir + red), ein Band oder ein Index: {indices}.</translation>
    </message>
    <message>
      <location filename="../processing/timeseries.py" />
      <source>{count} of {all} scenes failed; the column 'error' has the reasons.</source>
      <translation>{count} von {all} Szenen schlugen fehl; die Spalte 'error' nennt die Gründe.</translation>
    </message>
    <message>
      <location filename="../processing/timeseries.py" />
      <source>The chart cannot be written to {path}: {reason}.</source>
      <translation>Das Diagramm kann nicht nach {path} geschrieben werden: {reason}.</translation>
    </message>
    <message>
      <location filename="../product_sources.py" />
      <source>The service only delivers {scene}/{product} as a whole file: download it instead.</source>
      <translation>Der Dienst liefert {scene}/{product} nur als ganze Datei: sie stattdessen herunterladen.</translation>
    </message>
    <message>
      <location filename="../products.py" />
      <source>Opening a mosaic</source>
      <translation>Ein Mosaik wird geöffnet</translation>
    </message>
    <message>
      <location filename="../products.py" />
      <source>Opening {product} of {title}</source>
      <translation>{product} von {title} wird geöffnet</translation>
    </message>
    <message>
      <location filename="../products.py" />
      <source>imagery</source>
      <translation>Bilddaten</translation>
    </message>
    <message>
      <location filename="../products.py" />
      <source>Mosaic of {count} scenes</source>
      <translation>Mosaik aus {count} Szenen</translation>
    </message>
    <message>
      <location filename="../products.py" />
      <source>Imagery of {layer}</source>
      <translation>Bilder zu {layer}</translation>
    </message>
    <message>
      <location filename="../projects.py" />
      <source>Log in</source>
      <translation>Anmelden</translation>
    </message>
    <message>
      <location filename="../projects.py" />
      <source>The layers of {name} require a log-in.</source>
      <translation>Für die Layer von {name} ist eine Anmeldung nötig.</translation>
    </message>
    <message>
      <location filename="../projects.py" />
      <source>There is no connection to the service of layer {layer}: add one to open the layer.</source>
      <translation>Es gibt keine Verbindung zum Dienst des Layers {layer}: eine hinzufügen, um den Layer zu öffnen.</translation>
    </message>
    <message>
      <location filename="../raster_layers.py" />
      <source>{title}, masked</source>
      <translation>{title}, maskiert</translation>
    </message>
    <message>
      <location filename="../raster_layers.py" />
      <source>Band {number}</source>
      <translation>Band {number}</translation>
    </message>
    <message>
      <location filename="../raster_layers.py" />
      <source>QGIS cannot open {title}.</source>
      <translation>QGIS kann {title} nicht öffnen.</translation>
    </message>
    <message>
      <location filename="../raster_opening.py" />
      <source>{title} cannot be opened as a GeoTIFF: {why}. Try again later, or download it.</source>
      <translation>{title} kann nicht als GeoTIFF geöffnet werden: {why}. Es später noch einmal versuchen oder herunterladen.</translation>
    </message>
    <message>
      <location filename="../raster_opening.py" />
      <source>{title} has blocks of {size:,} bytes, larger than those of any product: it is not read.</source>
      <translation>{title} hat Blöcke von {size:,} Byte, größer als die jedes Produkts: es wird nicht gelesen.</translation>
    </message>
    <message>
      <location filename="../raster_opening.py" />
      <source>{title} cannot be opened: {why}. Try again later.</source>
      <translation>{title} kann nicht geöffnet werden: {why}. Es später noch einmal versuchen.</translation>
    </message>
    <message>
      <location filename="../raster_opening.py" />
      <source>{title} has no coordinate system.</source>
      <translation>{title} hat kein Koordinatensystem.</translation>
    </message>
    <message>
      <location filename="../results.py" />
      <source>cloud cover unknown</source>
      <translation>Bewölkung unbekannt</translation>
    </message>
    <message>
      <location filename="../results.py" />
      <source>no products</source>
      <translation>keine Produkte</translation>
    </message>
    <message>
      <location filename="../results.py" />
      <source>{cover:g} % cloud</source>
      <translation>{cover:g} % Wolken</translation>
    </message>
    <message>
      <location filename="../snapshot.py" />
      <source>Saving {title}</source>
      <translation>{title} wird gespeichert</translation>
    </message>
    <message>
      <location filename="../snapshot.py" />
      <source>{path} cannot be written: {why}.</source>
      <translation>{path} kann nicht geschrieben werden: {why}.</translation>
    </message>
    <message>
      <location filename="../snapshot.py" />
      <source>The snapshot has only {kept} of {count} scenes and was discarded: try again.</source>
      <translation>Der Abzug hat nur {kept} von {count} Szenen und wurde verworfen: noch einmal versuchen.</translation>
    </message>
    <message>
      <location filename="../source_page.py" />
      <source>Add satellite scenes as a layer</source>
      <translation>Satellitenszenen als Layer hinzufügen</translation>
    </message>
    <message>
      <location filename="../source_page.py" />
      <source>Add satellite scenes</source>
      <translation>Satellitenszenen hinzufügen</translation>
    </message>
    <message>
      <location filename="../source_page.py" />
      <source>Filter collections</source>
      <translation>Sammlungen filtern</translation>
    </message>
    <message>
      <location filename="../source_page.py" />
      <source>Only scenes in the present extent of the map</source>
      <translation>Nur Szenen im aktuellen Kartenausschnitt</translation>
    </message>
    <message>
      <location filename="../source_page.py" />
      <source>Connect to list the collections.</source>
      <translation>Verbinden Sie sich, um die Sammlungen aufzulisten.</translation>
    </message>
    <message>
      <location filename="../source_page.py" />
      <source>Connect</source>
      <translation>Verbinden</translation>
    </message>
    <message>
      <location filename="../source_page.py" />
      <source>scenes, the newest</source>
      <translation>Szenen, die neuesten</translation>
    </message>
    <message>
      <location filename="../source_page.py" />
      <source>The service lists no collections.</source>
      <translation>Der Dienst listet keine Sammlungen auf.</translation>
    </message>
    <message>
      <location filename="../stac_import.py" />
      <source>It is a catalog of files, which cannot be searched.</source>
      <translation>Das ist ein Katalog aus Dateien, der nicht durchsucht werden kann.</translation>
    </message>
    <message>
      <location filename="../stac_import.py" />
      <source>Its user name and password are not taken, as they are not encrypted: log in.</source>
      <translation>Benutzername und Passwort werden nicht übernommen, da sie unverschlüsselt sind: Melden Sie sich an.</translation>
    </message>
    <message>
      <location filename="../stac_import.py" />
      <source>Its HTTP headers are not taken.</source>
      <translation>Die HTTP-Header werden nicht übernommen.</translation>
    </message>
    <message>
      <location filename="../stac_import.py" />
      <source>It is the connection {name} already.</source>
      <translation>Das ist schon die Verbindung {name}.</translation>
    </message>
    <message>
      <location filename="../stac_import_dialog.py" />
      <source>Import QGIS's STAC connections</source>
      <translation>STAC-Verbindungen von QGIS importieren</translation>
    </message>
    <message>
      <location filename="../stac_import_dialog.py" />
      <source>Authentication that QGIS has stored is referred to, not copied.</source>
      <translation>Auf Anmeldedaten, die QGIS gespeichert hat, wird verwiesen; sie werden nicht kopiert.</translation>
    </message>
    <message>
      <location filename="../stac_import_dialog.py" />
      <source>QGIS has no STAC connections of its own; they come with QGIS 3.40.</source>
      <translation>QGIS hat keine eigenen STAC-Verbindungen; es gibt sie ab QGIS 3.40.</translation>
    </message>
    <message>
      <location filename="../stac_import_dialog.py" />
      <source>Remarks</source>
      <translation>Bemerkungen</translation>
    </message>
    <message>
      <location filename="../stac_import_dialog.py" />
      <source>New connections: {names}.</source>
      <translation>Neue Verbindungen: {names}.</translation>
    </message>
    <message>
      <location filename="../stored_keys.py" />
      <source>The key was not stored: no master password was entered.</source>
      <translation>Der Schlüssel wurde nicht gespeichert: das Master-Passwort wurde nicht eingegeben.</translation>
    </message>
    <message>
      <location filename="../stored_keys.py" />
      <source>QGIS's authentication manager is disabled: {why}</source>
      <translation>Die Authentifizierungsverwaltung von QGIS ist abgeschaltet: {why}</translation>
    </message>
    <message>
      <location filename="../stored_keys.py" />
      <source>The key for {name} is locked: open a search with it once, and enter the master password.</source>
      <translation>Der Schlüssel für {name} ist gesperrt: einmal eine Suche damit öffnen und das Master-Passwort eingeben.</translation>
    </message>
    <message>
      <location filename="../stored_keys.py" />
      <source>The key for {name} cannot be read: log in again.</source>
      <translation>Der Schlüssel für {name} kann nicht gelesen werden: neu anmelden.</translation>
    </message>
    <message>
      <location filename="../stored_keys.py" />
      <source>The stored authentication {title} cannot be used: choose one of {methods}.</source>
      <translation>Die gespeicherte Anmeldung {title} kann nicht verwendet werden: eine der Methoden {methods} wählen.</translation>
    </message>
    <message>
      <location filename="../style.py" />
      <source>Filled</source>
      <translation>Gefüllt</translation>
    </message>
    <message>
      <location filename="../style.py" />
      <source>Outlines</source>
      <translation>Umrisse</translation>
    </message>
    <message>
      <location filename="../style.py" />
      <source>{low:g} to {high:g} % cloud</source>
      <translation>{low:g} bis {high:g} % Wolken</translation>
    </message>
    <message>
      <location filename="../swipe.py" />
      <source>Day or layer shown right of the line</source>
      <translation>Tag oder Layer, der rechts der Linie gezeigt wird</translation>
    </message>
    <message>
      <location filename="../swipe.py" />
      <source>End the comparison</source>
      <translation>Vergleich beenden</translation>
    </message>
    <message>
      <location filename="../swipe.py" />
      <source>Line between the two dates</source>
      <translation>Linie zwischen den beiden Tagen</translation>
    </message>
    <message>
      <location filename="../swipe.py" />
      <source>Drag the line, or use the arrow keys; Esc ends the comparison</source>
      <translation>Linie ziehen, oder Pfeiltasten; Esc beendet den Vergleich</translation>
    </message>
    <message>
      <location filename="../thumbnails.py" />
      <source>The service returned a thumbnail that cannot be shown.</source>
      <translation>Der Dienst hat ein Vorschaubild geliefert, das nicht angezeigt werden kann.</translation>
    </message>
    <message>
      <location filename="../thumbnails.py" />
      <source>Thumbnail of {scene}</source>
      <translation>Vorschaubild von {scene}</translation>
    </message>
    <message>
      <location filename="../time_slider.py" />
      <source>One day</source>
      <translation>Ein Tag</translation>
    </message>
    <message>
      <location filename="../time_slider.py" />
      <source>Show the imagery of one day at a time, through the temporal controller of QGIS</source>
      <translation>Die Bilddaten eines einzelnen Tages zeigen, mit der Zeitsteuerung von QGIS</translation>
    </message>
    <message>
      <location filename="../time_slider.py" />
      <source>Day shown on the map: drag it, or use the arrow keys, Home and End</source>
      <translation>Tag, den die Karte zeigt: ziehen, oder Pfeiltasten, Pos1 und Ende</translation>
    </message>
    <message>
      <location filename="../time_slider.py" />
      <source>Day shown on the map</source>
      <translation>Tag, den die Karte zeigt</translation>
    </message>
    <message>
      <location filename="../time_slider.py" />
      <source>Previous day with imagery</source>
      <translation>Voriger Tag mit Bilddaten</translation>
    </message>
    <message>
      <location filename="../time_slider.py" />
      <source>Next day with imagery</source>
      <translation>Nächster Tag mit Bilddaten</translation>
    </message>
    <message>
      <location filename="../time_slider.py" />
      <source>Compare two dates or layers side by side</source>
      <translation>Zwei Tage oder Layer nebeneinander vergleichen</translation>
    </message>
    <message>
      <location filename="../time_slider.py" />
      <source>Compare two dates or layers left and right of a line</source>
      <translation>Zwei Tage oder Layer links und rechts einer Linie vergleichen</translation>
    </message>
    <message>
      <location filename="../time_slider.py" />
      <source>Swipe</source>
      <translation>Wischen</translation>
    </message>
    <message>
      <location filename="../time_slider.py" />
      <source>Imagery of {count} days</source>
      <translation>Bilddaten von {count} Tagen</translation>
    </message>
    <message>
      <location filename="../time_slider.py" />
      <source>{day} ({number} of {count})</source>
      <translation>{day} ({number} von {count})</translation>
    </message>
    <message>
      <location filename="../time_slider.py" />
      <source>{day}: no imagery</source>
      <translation>{day}: keine Bilddaten</translation>
    </message>
  </context>
</TS>
