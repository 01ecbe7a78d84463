<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="es" sourcelanguage="en">
  <context>
    <name>planet_scenes</name>
    <message>
      <location filename="../access_fields.py" />
      <source>Access to the files of scenes</source>
      <translation>Acceso a los archivos de las escenas</translation>
    </message>
    <message>
      <location filename="../access_fields.py" />
      <source>Address of the tokens (SAS) that sign addresses of Azure</source>
      <translation>Dirección de los tokens (SAS) que firman las direcciones de Azure</translation>
    </message>
    <message>
      <location filename="../access_fields.py" />
      <source>Profile of your AWS settings that has the keys of the store</source>
      <translation>Perfil de su configuración de AWS que contiene las claves del almacén</translation>
    </message>
    <message>
      <location filename="../access_fields.py" />
      <source>Host of the store; empty for that of your AWS settings</source>
      <translation>Servidor del almacén; vacío para el de su configuración de AWS</translation>
    </message>
    <message>
      <location filename="../access_fields.py" />
      <source>Further hosts that get the key, too, with commas between</source>
      <translation>Otros servidores que también reciben la clave, separados por comas</translation>
    </message>
    <message>
      <location filename="../access_fields.py" />
      <source>Pay for requests where the owner charges for them</source>
      <translation>Pagar las peticiones si el propietario las cobra</translation>
    </message>
    <message>
      <location filename="../access_fields.py" />
      <source>Tokens (SAS)</source>
      <translation>Tokens (SAS)</translation>
    </message>
    <message>
      <location filename="../access_fields.py" />
      <source>S3 profile</source>
      <translation>Perfil de S3</translation>
    </message>
    <message>
      <location filename="../access_fields.py" />
      <source>S3 host</source>
      <translation>Servidor de S3</translation>
    </message>
    <message>
      <location filename="../access_fields.py" />
      <source>Hosts with the key</source>
      <translation>Servidores con la clave</translation>
    </message>
    <message>
      <location filename="../access_fields.py" />
      <source>Files of {name}</source>
      <translation>Archivos de {name}</translation>
    </message>
    <message>
      <location filename="../actions.py" />
      <source>Requesting the scenes</source>
      <translation>Solicitando las escenas</translation>
    </message>
    <message>
      <location filename="../actions.py" />
      <source>Add its imagery to the map</source>
      <translation>Añadir sus imágenes al mapa</translation>
    </message>
    <message>
      <location filename="../actions.py" />
      <source>Add other imagery…</source>
      <translation>Añadir otras imágenes…</translation>
    </message>
    <message>
      <location filename="../activation.py" />
      <source>Activate products</source>
      <translation>Activar productos</translation>
    </message>
    <message>
      <location filename="../activation.py" />
      <source>Activate</source>
      <translation>Activar</translation>
    </message>
    <message>
      <location filename="../activation.py" />
      <source>Requesting the states of products</source>
      <translation>Solicitando el estado de los productos</translation>
    </message>
    <message>
      <location filename="../activation.py" />
      <source>Stop waiting</source>
      <translation>Dejar de esperar</translation>
    </message>
    <message>
      <location filename="../activation.py" />
      <source>The service prepares these files on request. That takes some minutes and may count against your quota.</source>
      <translation>El servicio prepara estos archivos bajo demanda. Esto tarda algunos minutos y puede descontarse de su cuota.</translation>
    </message>
    <message>
      <location filename="../activation.py" />
      <source>All products that you may download are active.</source>
      <translation>Todos los productos que puede descargar están activos.</translation>
    </message>
    <message>
      <location filename="../activation.py" />
      <source>Activating products: {count}</source>
      <translation>Activando productos: {count}</translation>
    </message>
    <message>
      <location filename="../activation.py" />
      <source>{product} ({count} of {scenes} scenes)</source>
      <translation>{product} ({count} de {scenes} escenas)</translation>
    </message>
    <message>
      <location filename="../activation.py" />
      <source>Products activated: {count}. They can be added or downloaded.</source>
      <translation>Productos activados: {count}. Se pueden añadir o descargar.</translation>
    </message>
    <message>
      <location filename="../area.py" />
      <source>The selected polygons of the layer, or all if none is selected</source>
      <translation>Los polígonos seleccionados de la capa, o todos si no hay ninguno seleccionado</translation>
    </message>
    <message>
      <location filename="../area.py" />
      <source>Draw a box: drag, or click two corners</source>
      <translation>Dibujar un rectángulo: arrastrar, o pulsar en dos esquinas</translation>
    </message>
    <message>
      <location filename="../area.py" />
      <source>Draw a polygon: click its corners, a right click ends it</source>
      <translation>Dibujar un polígono: pulsar en sus vértices; el botón derecho lo termina</translation>
    </message>
    <message>
      <location filename="../area.py" />
      <source>Reading the area</source>
      <translation>Leyendo el área</translation>
    </message>
    <message>
      <location filename="../area.py" />
      <source>Paste the area: a polygon as WKT, or GeoJSON.</source>
      <translation>Pegue el área: un polígono en WKT o GeoJSON.</translation>
    </message>
    <message>
      <location filename="../area.py" />
      <source>The text is not a polygon in WKT or GeoJSON.</source>
      <translation>El texto no es un polígono en WKT o GeoJSON.</translation>
    </message>
    <message>
      <location filename="../area.py" />
      <source>The area lies outside the globe.</source>
      <translation>El área está fuera del globo.</translation>
    </message>
    <message>
      <location filename="../area.py" />
      <source>Everywhere</source>
      <translation>En todas partes</translation>
    </message>
    <message>
      <location filename="../area.py" />
      <source>Map extent</source>
      <translation>Extensión del mapa</translation>
    </message>
    <message>
      <location filename="../area.py" />
      <source>Polygons of a layer</source>
      <translation>Polígonos de una capa</translation>
    </message>
    <message>
      <location filename="../area.py" />
      <source>Drawn on the map</source>
      <translation>Dibujada en el mapa</translation>
    </message>
    <message>
      <location filename="../area.py" />
      <source>WKT or GeoJSON</source>
      <translation>WKT o GeoJSON</translation>
    </message>
    <message>
      <location filename="../area.py" />
      <source>Box</source>
      <translation>Rectángulo</translation>
    </message>
    <message>
      <location filename="../area.py" />
      <source>Polygon</source>
      <translation>Polígono</translation>
    </message>
    <message>
      <location filename="../area.py" />
      <source>There is no layer of polygons in the project: add one, or choose another area.</source>
      <translation>En el proyecto no hay ninguna capa de polígonos: añada una o elija otra área.</translation>
    </message>
    <message>
      <location filename="../area.py" />
      <source>The polygons of the layer are still being read: try again in a moment.</source>
      <translation>Los polígonos de la capa todavía se están leyendo: inténtelo de nuevo en un momento.</translation>
    </message>
    <message>
      <location filename="../area.py" />
      <source>The layer has no polygons.</source>
      <translation>La capa no tiene polígonos.</translation>
    </message>
    <message>
      <location filename="../area.py" />
      <source>The text is not a polygon in degrees, with longitude before latitude.</source>
      <translation>El texto no es un polígono en grados, con la longitud antes de la latitud.</translation>
    </message>
    <message>
      <location filename="../area.py" />
      <source>The drawn area lies outside the globe: draw it again.</source>
      <translation>El área dibujada está fuera del globo: dibújela de nuevo.</translation>
    </message>
    <message>
      <location filename="../area.py" />
      <source>The map shows more than the globe: zoom in.</source>
      <translation>El mapa muestra más que el globo: acerque el zum.</translation>
    </message>
    <message>
      <location filename="../area.py" />
      <source>Draw the area on the map first.</source>
      <translation>Dibuje primero el área en el mapa.</translation>
    </message>
    <message>
      <location filename="../area.py" />
      <source>The polygons of the layer lie outside the globe.</source>
      <translation>Los polígonos de la capa están fuera del globo.</translation>
    </message>
    <message>
      <location filename="../browser.py" />
      <source>Rename</source>
      <translation>Renombrar</translation>
    </message>
    <message>
      <location filename="../browser.py" />
      <source>New name:</source>
      <translation>Nombre nuevo:</translation>
    </message>
    <message>
      <location filename="../browser.py" />
      <source>Scene types</source>
      <translation>Tipos de escena</translation>
    </message>
    <message>
      <location filename="../browser.py" />
      <source>Saved searches</source>
      <translation>Búsquedas guardadas</translation>
    </message>
    <message>
      <location filename="../browser.py" />
      <source>Basemaps</source>
      <translation>Mapas base</translation>
    </message>
    <message>
      <location filename="../browser.py" />
      <source>Remove {what}?</source>
      <translation>¿Eliminar {what}?</translation>
    </message>
    <message>
      <location filename="../browser.py" />
      <source>Remove</source>
      <translation>Eliminar</translation>
    </message>
    <message>
      <location filename="../browser.py" />
      <source>New connection…</source>
      <translation>Conexión nueva…</translation>
    </message>
    <message>
      <location filename="../browser.py" />
      <source>Import QGIS's STAC connections…</source>
      <translation>Importar las conexiones STAC de QGIS…</translation>
    </message>
    <message>
      <location filename="../browser.py" />
      <source>Use for searches</source>
      <translation>Usar para las búsquedas</translation>
    </message>
    <message>
      <location filename="../browser.py" />
      <source>Add to the map</source>
      <translation>Añadir al mapa</translation>
    </message>
    <message>
      <location filename="../browser.py" />
      <source>Search in the panel</source>
      <translation>Buscar en el panel</translation>
    </message>
    <message>
      <location filename="../browser.py" />
      <source>Rename…</source>
      <translation>Renombrar…</translation>
    </message>
    <message>
      <location filename="../browser.py" />
      <source>Add its quads as a layer</source>
      <translation>Añadir sus cuadrantes como capa</translation>
    </message>
    <message>
      <location filename="../browser.py" />
      <source>Log out</source>
      <translation>Cerrar sesión</translation>
    </message>
    <message>
      <location filename="../browser.py" />
      <source>Log in…</source>
      <translation>Iniciar sesión…</translation>
    </message>
    <message>
      <location filename="../browser.py" />
      <source>the connection {name}</source>
      <translation>la conexión {name}</translation>
    </message>
    <message>
      <location filename="../browser.py" />
      <source>the search {name}</source>
      <translation>la búsqueda {name}</translation>
    </message>
    <message>
      <location filename="../chip_list.py" />
      <source>Chip of {scene}</source>
      <translation>Recorte de {scene}</translation>
    </message>
    <message>
      <location filename="../chip_list.py" />
      <source>no picture</source>
      <translation>sin imagen</translation>
    </message>
    <message>
      <location filename="../chip_list.py" />
      <source>Cancelled</source>
      <translation>Cancelado</translation>
    </message>
    <message>
      <location filename="../chips.py" />
      <source>The service returned a tile that cannot be shown.</source>
      <translation>El servicio ha devuelto una tesela que no se puede mostrar.</translation>
    </message>
    <message>
      <location filename="../chips.py" />
      <source>The service has no tiles of {scene} there.</source>
      <translation>El servicio no tiene teselas de {scene} en ese lugar.</translation>
    </message>
    <message>
      <location filename="../chips.py" />
      <source>{title} has no overviews, so that a chip of this width takes too long: choose a smaller one.</source>
      <translation>{title} no tiene vistas generales, por lo que un recorte de esta anchura tarda demasiado: elija uno menor.</translation>
    </message>
    <message>
      <location filename="../chips.py" />
      <source>{title} has no pixels there: {why}.</source>
      <translation>{title} no tiene píxeles en ese lugar: {why}.</translation>
    </message>
    <message>
      <location filename="../chips.py" />
      <source>The pixels of {title} in view cannot be read: {why}. Try again later.</source>
      <translation>Los píxeles de {title} a la vista no se pueden leer: {why}. Inténtelo más tarde.</translation>
    </message>
    <message>
      <location filename="../combined_rasters.py" />
      <source>The search has no scenes: widen it.</source>
      <translation>La búsqueda no tiene escenas: amplíela.</translation>
    </message>
    <message>
      <location filename="../combined_rasters.py" />
      <source>{count} scenes are too many for one mosaic (at most {most}): narrow the search.</source>
      <translation>{count} escenas son demasiadas para un mosaico (como máximo {most}): restrinja la búsqueda.</translation>
    </message>
    <message>
      <location filename="../combined_rasters.py" />
      <source>{title} has no bands {a} and {b}.</source>
      <translation>{title} no tiene las bandas {a} y {b}.</translation>
    </message>
    <message>
      <location filename="../combined_rasters.py" />
      <source>{title} is not north up, so it cannot be combined with others.</source>
      <translation>{title} no está orientado al norte, por lo que no se puede combinar con otros.</translation>
    </message>
    <message>
      <location filename="../combined_rasters.py" />
      <source>Scene {scene} has other bands than {top}: leave it out of the mosaic.</source>
      <translation>La escena {scene} tiene bandas distintas de las de {top}: exclúyala del mosaico.</translation>
    </message>
    <message>
      <location filename="../combined_rasters.py" />
      <source>The scenes cannot be combined: {why}. Try again later.</source>
      <translation>Las escenas no se pueden combinar: {why}. Inténtelo más tarde.</translation>
    </message>
    <message>
      <location filename="../compare_choices.py" />
      <source>Day shown on the map of QGIS</source>
      <translation>Día que muestra el mapa de QGIS</translation>
    </message>
    <message>
      <location filename="../compare_choices.py" />
      <source>All days</source>
      <translation>Todos los días</translation>
    </message>
    <message>
      <location filename="../compare_choices.py" />
      <source>As on the map</source>
      <translation>Como en el mapa</translation>
    </message>
    <message>
      <location filename="../compare_dock.py" />
      <source>Compare</source>
      <translation>Comparar</translation>
    </message>
    <message>
      <location filename="../compare_dock.py" />
      <source>Day or layer shown here</source>
      <translation>Día o capa que se muestra aquí</translation>
    </message>
    <message>
      <location filename="../compare_dock.py" />
      <source>Map:</source>
      <translation>Mapa:</translation>
    </message>
    <message>
      <location filename="../compare_dock.py" />
      <source>Here:</source>
      <translation>Aquí:</translation>
    </message>
    <message>
      <location filename="../connection_dialog.py" />
      <source>New connection</source>
      <translation>Conexión nueva</translation>
    </message>
    <message>
      <location filename="../connection_dialog.py" />
      <source>Detect it</source>
      <translation>Detectarlo</translation>
    </message>
    <message>
      <location filename="../connection_dialog.py" />
      <source>Name</source>
      <translation>Nombre</translation>
    </message>
    <message>
      <location filename="../connection_dialog.py" />
      <source>Root of the service</source>
      <translation>Raíz del servicio</translation>
    </message>
    <message>
      <location filename="../connection_dialog.py" />
      <source>Kind</source>
      <translation>Tipo</translation>
    </message>
    <message>
      <location filename="../connection_dialog.py" />
      <source>Log-in</source>
      <translation>Inicio de sesión</translation>
    </message>
    <message>
      <location filename="../connection_dialog.py" />
      <source>Asking the service for its kind …</source>
      <translation>Preguntando su tipo al servicio …</translation>
    </message>
    <message>
      <location filename="../connection_dialog.py" />
      <source>Detecting the kind of a service</source>
      <translation>Detectando el tipo de un servicio</translation>
    </message>
    <message>
      <location filename="../connections.py" />
      <source>Choose another title: it is empty or taken.</source>
      <translation>Elija otro título: está vacío o ya existe.</translation>
    </message>
    <message>
      <location filename="../connections.py" />
      <source>There is no connection {name}: add it in the options.</source>
      <translation>No hay ninguna conexión {name}: añádala en las opciones.</translation>
    </message>
    <message>
      <location filename="../connections.py" />
      <source>There is no connection {name}: give one of {those}, or the root URL of a service.</source>
      <translation>No hay ninguna conexión {name}: indique una de {those}, o la URL raíz de un servicio.</translation>
    </message>
    <message>
      <location filename="../core.py" />
      <source>{reason}: log in.</source>
      <translation>{reason}: inicie sesión.</translation>
    </message>
    <message>
      <location filename="../core.py" />
      <source>{file} cannot be used: {why}.</source>
      <translation>{file} no se puede usar: {why}.</translation>
    </message>
    <message>
      <location filename="../core.py" />
      <source>A file</source>
      <translation>Un archivo</translation>
    </message>
    <message>
      <location filename="../day_stack.py" />
      <source>Planet Scenes</source>
      <translation>Planet Scenes</translation>
    </message>
    <message>
      <location filename="../day_stack.py" />
      <source>Tiles cannot be added day by day: choose a product.</source>
      <translation>Las teselas no se pueden añadir día a día: elija un producto.</translation>
    </message>
    <message>
      <location filename="../day_stack.py" />
      <source>{layer} day by day: {imagery}</source>
      <translation>{layer} día a día: {imagery}</translation>
    </message>
    <message>
      <location filename="../day_stack.py" />
      <source>Opening {title}</source>
      <translation>Abriendo {title}</translation>
    </message>
    <message>
      <location filename="../day_stack.py" />
      <source>{count} scenes</source>
      <translation>{count} escenas</translation>
    </message>
    <message>
      <location filename="../day_stack.py" />
      <source>The scenes are of {count} days, too many to add each (at most {most}): narrow the search.</source>
      <translation>Las escenas son de {count} días, demasiados para añadirlos todos (como máximo {most}): restrinja la búsqueda.</translation>
    </message>
    <message>
      <location filename="../day_stack.py" />
      <source>The search has more than {most} scenes, too many to add day by day: narrow it.</source>
      <translation>La búsqueda tiene más de {most} escenas, demasiadas para añadirlas día a día: restrínjala.</translation>
    </message>
    <message>
      <location filename="../day_stack.py" />
      <source>Scene {scene} has no time, so it belongs to no day.</source>
      <translation>La escena {scene} no tiene hora, así que no pertenece a ningún día.</translation>
    </message>
    <message>
      <location filename="../dock.py" />
      <source>Satellite scenes</source>
      <translation>Escenas de satélite</translation>
    </message>
    <message>
      <location filename="../dock.py" />
      <source>Requesting the scene types</source>
      <translation>Solicitando los tipos de escena</translation>
    </message>
    <message>
      <location filename="../dock.py" />
      <source>The scenes are in {path}.</source>
      <translation>Las escenas están en {path}.</translation>
    </message>
    <message>
      <location filename="../dock.py" />
      <source>Log in to {name}</source>
      <translation>Iniciar sesión en {name}</translation>
    </message>
    <message>
      <location filename="../dock.py" />
      <source>The map's coordinate system does not cover scene {scene}.</source>
      <translation>El sistema de coordenadas del mapa no abarca la escena {scene}.</translation>
    </message>
    <message>
      <location filename="../dock_count.py" />
      <source>1 scene</source>
      <translation>1 escena</translation>
    </message>
    <message>
      <location filename="../dock_count.py" />
      <source>Counting …</source>
      <translation>Contando …</translation>
    </message>
    <message>
      <location filename="../dock_count.py" />
      <source>Counting scenes</source>
      <translation>Contando escenas</translation>
    </message>
    <message>
      <location filename="../dock_count.py" />
      <source>Asking the service …</source>
      <translation>Preguntando al servicio …</translation>
    </message>
    <message>
      <location filename="../dock_count.py" />
      <source>{count:,} scenes</source>
      <translation>{count:,} escenas</translation>
    </message>
    <message>
      <location filename="../dock_count.py" />
      <source>The service does not count.</source>
      <translation>El servicio no las cuenta.</translation>
    </message>
    <message>
      <location filename="../dock_download.py" />
      <source>Download</source>
      <translation>Descargar</translation>
    </message>
    <message>
      <location filename="../dock_download.py" />
      <source>Products of the scene:</source>
      <translation>Productos de la escena:</translation>
    </message>
    <message>
      <location filename="../dock_download.py" />
      <source>Products that all {count} scenes have:</source>
      <translation>Productos que tienen las {count} escenas:</translation>
    </message>
    <message>
      <location filename="../dock_download.py" />
      <source>1 file downloaded: {path}</source>
      <translation>1 archivo descargado: {path}</translation>
    </message>
    <message>
      <location filename="../dock_download.py" />
      <source>{count} files downloaded to {folder}</source>
      <translation>{count} archivos descargados en {folder}</translation>
    </message>
    <message>
      <location filename="../dock_download.py" />
      <source>Folder:</source>
      <translation>Carpeta:</translation>
    </message>
    <message>
      <location filename="../dock_download.py" />
      <source>The download has stopped.</source>
      <translation>La descarga se ha detenido.</translation>
    </message>
    <message>
      <location filename="../dock_download.py" />
      <source>Cancel</source>
      <translation>Cancelar</translation>
    </message>
    <message>
      <location filename="../dock_download.py" />
      <source>Resume</source>
      <translation>Reanudar</translation>
    </message>
    <message>
      <location filename="../dock_download.py" />
      <source>Close</source>
      <translation>Cerrar</translation>
    </message>
    <message>
      <location filename="../dock_follow.py" />
      <source>{shown:,} of {count:,} scenes in view: zoom in to see all.</source>
      <translation>{shown:,} de {count:,} escenas a la vista: acerque el zum para verlas todas.</translation>
    </message>
    <message>
      <location filename="../dock_follow.py" />
      <source>{count:,} scenes in view</source>
      <translation>{count:,} escenas a la vista</translation>
    </message>
    <message>
      <location filename="../dock_form.py" />
      <source>Service</source>
      <translation>Servicio</translation>
    </message>
    <message>
      <location filename="../dock_form.py" />
      <source>Scenes</source>
      <translation>Escenas</translation>
    </message>
    <message>
      <location filename="../dock_form.py" />
      <source>Area</source>
      <translation>Área</translation>
    </message>
    <message>
      <location filename="../dock_form.py" />
      <source>Choose a collection first; the service is listing them.</source>
      <translation>Elija primero una colección; el servicio las está enumerando.</translation>
    </message>
    <message>
      <location filename="../dock_form.py" />
      <source>Requesting the fields of {collection}</source>
      <translation>Solicitando los campos de {collection}</translation>
    </message>
    <message>
      <location filename="../dock_form.py" />
      <source>The fields of the collection are not known yet: try again in a moment.</source>
      <translation>Los campos de la colección todavía no se conocen: inténtelo de nuevo en un momento.</translation>
    </message>
    <message>
      <location filename="../dock_menus.py" />
      <source>Zoom to the scene</source>
      <translation>Zum a la escena</translation>
    </message>
    <message>
      <location filename="../dock_menus.py" />
      <source>Copy the name</source>
      <translation>Copiar el nombre</translation>
    </message>
    <message>
      <location filename="../dock_menus.py" />
      <source>Save a snapshot</source>
      <translation>Guardar una instantánea</translation>
    </message>
    <message>
      <location filename="../dock_menus.py" />
      <source>Save search</source>
      <translation>Guardar búsqueda</translation>
    </message>
    <message>
      <location filename="../dock_menus.py" />
      <source>Title:</source>
      <translation>Título:</translation>
    </message>
    <message>
      <location filename="../dock_menus.py" />
      <source>Add product</source>
      <translation>Añadir producto</translation>
    </message>
    <message>
      <location filename="../dock_menus.py" />
      <source>Activate products…</source>
      <translation>Activar productos…</translation>
    </message>
    <message>
      <location filename="../dock_menus.py" />
      <source>The scenes have no product in common.</source>
      <translation>Las escenas no tienen ningún producto en común.</translation>
    </message>
    <message>
      <location filename="../dock_menus.py" />
      <source>Download…</source>
      <translation>Descargar…</translation>
    </message>
    <message>
      <location filename="../dock_results.py" />
      <source>Choose filters, then search.</source>
      <translation>Elija filtros y después busque.</translation>
    </message>
    <message>
      <location filename="../dock_results.py" />
      <source>Search</source>
      <translation>Buscar</translation>
    </message>
    <message>
      <location filename="../dock_results.py" />
      <source>Add the search as a live layer</source>
      <translation>Añadir la búsqueda como capa dinámica</translation>
    </message>
    <message>
      <location filename="../dock_results.py" />
      <source>Layer</source>
      <translation>Capa</translation>
    </message>
    <message>
      <location filename="../dock_results.py" />
      <source>Let a layer of the search follow the map</source>
      <translation>Hacer que una capa de la búsqueda siga al mapa</translation>
    </message>
    <message>
      <location filename="../dock_results.py" />
      <source>Follow</source>
      <translation>Seguir</translation>
    </message>
    <message>
      <location filename="../dock_results.py" />
      <source>More actions for the search</source>
      <translation>Más acciones para la búsqueda</translation>
    </message>
    <message>
      <location filename="../dock_results.py" />
      <source>More</source>
      <translation>Más</translation>
    </message>
    <message>
      <location filename="../dock_results.py" />
      <source>Add it as one mosaic</source>
      <translation>Añadirla como un solo mosaico</translation>
    </message>
    <message>
      <location filename="../dock_results.py" />
      <source>Add it day by day</source>
      <translation>Añadirla día a día</translation>
    </message>
    <message>
      <location filename="../dock_results.py" />
      <source>Its scenes at a place, as pictures…</source>
      <translation>Sus escenas en un lugar, como imágenes…</translation>
    </message>
    <message>
      <location filename="../dock_results.py" />
      <source>Click a place on the map to list all scenes there</source>
      <translation>Haga clic en un lugar del mapa para ver la lista de todas sus escenas</translation>
    </message>
    <message>
      <location filename="../dock_results.py" />
      <source>Compare two dates or layers…</source>
      <translation>Comparar dos fechas o capas…</translation>
    </message>
    <message>
      <location filename="../dock_results.py" />
      <source>Swipe between two dates or layers</source>
      <translation>Deslizar entre dos fechas o capas</translation>
    </message>
    <message>
      <location filename="../dock_results.py" />
      <source>Save it in the browser panel…</source>
      <translation>Guardarla en el panel Navegador…</translation>
    </message>
    <message>
      <location filename="../dock_results.py" />
      <source>Save a snapshot of it…</source>
      <translation>Guardar una instantánea de ella…</translation>
    </message>
    <message>
      <location filename="../dock_results.py" />
      <source>Help</source>
      <translation>Ayuda</translation>
    </message>
    <message>
      <location filename="../dock_results.py" />
      <source>Search first</source>
      <translation>Busque primero</translation>
    </message>
    <message>
      <location filename="../dock_views.py" />
      <source>There is nothing to compare: add imagery first, for example day by day.</source>
      <translation>No hay nada que comparar: añada primero imágenes, por ejemplo día a día.</translation>
    </message>
    <message>
      <location filename="../downloads.py" />
      <source>Downloading {count} files</source>
      <translation>Descargando {count} archivos</translation>
    </message>
    <message>
      <location filename="../empty.py" />
      <source>the dates</source>
      <translation>las fechas</translation>
    </message>
    <message>
      <location filename="../empty.py" />
      <source>the cloud cover limit</source>
      <translation>el límite de nubosidad</translation>
    </message>
    <message>
      <location filename="../empty.py" />
      <source>The service has no scenes of type {scene_type}.</source>
      <translation>El servicio no tiene escenas del tipo {scene_type}.</translation>
    </message>
    <message>
      <location filename="../empty.py" />
      <source>the area</source>
      <translation>el área</translation>
    </message>
    <message>
      <location filename="../empty.py" />
      <source>No scene matches. With latitude and longitude of the area swapped there would be {count:,}: longitude comes first.</source>
      <translation>Ninguna escena coincide. Con la latitud y la longitud del área intercambiadas habría {count:,}: la longitud va primero.</translation>
    </message>
    <message>
      <location filename="../empty.py" />
      <source>{count:,} without {what}</source>
      <translation>{count:,} sin {what}</translation>
    </message>
    <message>
      <location filename="../empty.py" />
      <source>No scene matches all filters. There would be: {those}.</source>
      <translation>Ninguna escena cumple todos los filtros. Habría: {those}.</translation>
    </message>
    <message>
      <location filename="../empty.py" />
      <source>No scene matches all filters, even without any one of: {those}. Without all of them there are {count:,}.</source>
      <translation>Ninguna escena cumple todos los filtros, ni siquiera sin uno de ellos: {those}. Sin ninguno de ellos hay {count:,}.</translation>
    </message>
    <message>
      <location filename="../field_rows.py" />
      <source>Any</source>
      <translation>Cualquiera</translation>
    </message>
    <message>
      <location filename="../field_rows.py" />
      <source>from</source>
      <translation>de</translation>
    </message>
    <message>
      <location filename="../field_rows.py" />
      <source>to</source>
      <translation>a</translation>
    </message>
    <message>
      <location filename="../field_rows.py" />
      <source>several with commas between</source>
      <translation>varios, separados por comas</translation>
    </message>
    <message>
      <location filename="../field_rows.py" />
      <source>{quality} or better</source>
      <translation>{quality} o mejor</translation>
    </message>
    <message>
      <location filename="../filters.py" />
      <source>More fields</source>
      <translation>Más campos</translation>
    </message>
    <message>
      <location filename="../filters.py" />
      <source>Order</source>
      <translation>Orden</translation>
    </message>
    <message>
      <location filename="../filters.py" />
      <source>Acquired</source>
      <translation>Adquisición</translation>
    </message>
    <message>
      <location filename="../filters.py" />
      <source>From – to</source>
      <translation>De – a</translation>
    </message>
    <message>
      <location filename="../filters.py" />
      <source>Cloud</source>
      <translation>Nubes</translation>
    </message>
    <message>
      <location filename="../filters.py" />
      <source>Any time</source>
      <translation>Cualquier fecha</translation>
    </message>
    <message>
      <location filename="../filters.py" />
      <source>Last 7 days</source>
      <translation>Últimos 7 días</translation>
    </message>
    <message>
      <location filename="../filters.py" />
      <source>Last 30 days</source>
      <translation>Últimos 30 días</translation>
    </message>
    <message>
      <location filename="../filters.py" />
      <source>Last 3 months</source>
      <translation>Últimos 3 meses</translation>
    </message>
    <message>
      <location filename="../filters.py" />
      <source>Last year</source>
      <translation>Último año</translation>
    </message>
    <message>
      <location filename="../filters.py" />
      <source>Between two days</source>
      <translation>Entre dos días</translation>
    </message>
    <message>
      <location filename="../filters.py" />
      <source>Newest first</source>
      <translation>Más recientes primero</translation>
    </message>
    <message>
      <location filename="../filters.py" />
      <source>Oldest first</source>
      <translation>Más antiguas primero</translation>
    </message>
    <message>
      <location filename="../filters.py" />
      <source>At most</source>
      <translation>Como máximo</translation>
    </message>
    <message>
      <location filename="../filters.py" />
      <source>any</source>
      <translation>cualquiera</translation>
    </message>
    <message>
      <location filename="../follow.py" />
      <source>Scenes in view</source>
      <translation>Escenas a la vista</translation>
    </message>
    <message>
      <location filename="../follow.py" />
      <source>Looking for the scenes in view</source>
      <translation>Buscando las escenas a la vista</translation>
    </message>
    <message>
      <location filename="../gdal_calls.py" />
      <source>GDAL gives no reason</source>
      <translation>GDAL no indica el motivo</translation>
    </message>
    <message>
      <location filename="../help.py" />
      <source>Help on Planet Scenes</source>
      <translation>Ayuda de Planet Scenes</translation>
    </message>
    <message>
      <location filename="../imagery.py" />
      <source>True colour</source>
      <translation>Color verdadero</translation>
    </message>
    <message>
      <location filename="../imagery.py" />
      <source>False colour, vegetation in red</source>
      <translation>Falso color, vegetación en rojo</translation>
    </message>
    <message>
      <location filename="../imagery.py" />
      <source>Short-wave infrared, cities</source>
      <translation>Infrarrojo de onda corta, ciudades</translation>
    </message>
    <message>
      <location filename="../imagery.py" />
      <source>Fields</source>
      <translation>Cultivos</translation>
    </message>
    <message>
      <location filename="../imagery.py" />
      <source>Land and water</source>
      <translation>Tierra y agua</translation>
    </message>
    <message>
      <location filename="../imagery.py" />
      <source>NDVI, vegetation</source>
      <translation>NDVI, vegetación</translation>
    </message>
    <message>
      <location filename="../imagery.py" />
      <source>NDWI, open water</source>
      <translation>NDWI, agua superficial</translation>
    </message>
    <message>
      <location filename="../imagery.py" />
      <source>Scene {scene} has no product that can be opened.</source>
      <translation>La escena {scene} no tiene ningún producto que se pueda abrir.</translation>
    </message>
    <message>
      <location filename="../imagery_menu.py" />
      <source>Hide clouds, haze and shadows</source>
      <translation>Ocultar nubes, neblina y sombras</translation>
    </message>
    <message>
      <location filename="../imagery_menu.py" />
      <source>{title} (no mask)</source>
      <translation>{title} (sin máscara)</translation>
    </message>
    <message>
      <location filename="../layers.py" />
      <source>Satellite scenes found by a live search, {name}: their footprints and properties.</source>
      <translation>Escenas de satélite encontradas por una búsqueda dinámica, {name}: sus huellas y propiedades.</translation>
    </message>
    <message>
      <location filename="../layers.py" />
      <source>QGIS cannot open {name}: its GDAL may lack Python support.</source>
      <translation>QGIS no puede abrir {name}: es posible que a su GDAL le falte la compatibilidad con Python.</translation>
    </message>
    <message>
      <location filename="../locator.py" />
      <source>Planet scenes</source>
      <translation>Escenas de Planet</translation>
    </message>
    <message>
      <location filename="../locator.py" />
      <source>{name} has no scene {scene}.</source>
      <translation>{name} no tiene la escena {scene}.</translation>
    </message>
    <message>
      <location filename="../locator.py" />
      <source>Add its footprint</source>
      <translation>Añadir su huella</translation>
    </message>
    <message>
      <location filename="../locator.py" />
      <source>{name} has {count} collections: write pl COLLECTION/ID.</source>
      <translation>{name} tiene {count} colecciones: escriba pl COLECCIÓN/ID.</translation>
    </message>
    <message>
      <location filename="../locator.py" />
      <source>, {cover:.0f} % cloud</source>
      <translation>, {cover:.0f} % de nubes</translation>
    </message>
    <message>
      <location filename="../locator.py" />
      <source>Add its product {product}</source>
      <translation>Añadir su producto {product}</translation>
    </message>
    <message>
      <location filename="../log_in_fields.py" />
      <source>User name</source>
      <translation>Nombre de usuario</translation>
    </message>
    <message>
      <location filename="../log_in_fields.py" />
      <source>Keys are stored in QGIS's authentication manager, never in projects or layers.</source>
      <translation>Las claves se guardan en el gestor de autenticación de QGIS, nunca en proyectos ni capas.</translation>
    </message>
    <message>
      <location filename="../log_in_fields.py" />
      <source>API key</source>
      <translation>Clave de API</translation>
    </message>
    <message>
      <location filename="../log_in_fields.py" />
      <source>Bearer token</source>
      <translation>Token de portador (bearer)</translation>
    </message>
    <message>
      <location filename="../log_in_fields.py" />
      <source>User name and password</source>
      <translation>Nombre de usuario y contraseña</translation>
    </message>
    <message>
      <location filename="../log_in_fields.py" />
      <source>Stored in QGIS</source>
      <translation>Guardada en QGIS</translation>
    </message>
    <message>
      <location filename="../log_in_fields.py" />
      <source>Password</source>
      <translation>Contraseña</translation>
    </message>
    <message>
      <location filename="../log_in_fields.py" />
      <source>none</source>
      <translation>ninguna</translation>
    </message>
    <message>
      <location filename="../masks.py" />
      <source>{title} has no mask of usable pixels: add it without.</source>
      <translation>{title} no tiene máscara de píxeles utilizables: añádalo sin ella.</translation>
    </message>
    <message>
      <location filename="../masks.py" />
      <source>{title} is not a mask of usable pixels.</source>
      <translation>{title} no es una máscara de píxeles utilizables.</translation>
    </message>
    <message>
      <location filename="../masks.py" />
      <source>{title} has another coordinate system than its product.</source>
      <translation>{title} tiene un sistema de coordenadas distinto del de su producto.</translation>
    </message>
    <message>
      <location filename="../masks.py" />
      <source>{title} is not north up, so it cannot be masked.</source>
      <translation>{title} no está orientado al norte, por lo que no se puede enmascarar.</translation>
    </message>
    <message>
      <location filename="../messages.py" />
      <source>Open log</source>
      <translation>Abrir registro</translation>
    </message>
    <message>
      <location filename="../options_page.py" />
      <source>logged in</source>
      <translation>sesión iniciada</translation>
    </message>
    <message>
      <location filename="../options_page.py" />
      <source>set outside QGIS</source>
      <translation>definida fuera de QGIS</translation>
    </message>
    <message>
      <location filename="../options_page.py" />
      <source>Connections</source>
      <translation>Conexiones</translation>
    </message>
    <message>
      <location filename="../options_page.py" />
      <source>Remove them</source>
      <translation>Eliminarlos</translation>
    </message>
    <message>
      <location filename="../options_page.py" />
      <source>Search results cached on disk</source>
      <translation>Resultados de búsqueda guardados en disco</translation>
    </message>
    <message>
      <location filename="../options_page.py" />
      <source>Connection</source>
      <translation>Conexión</translation>
    </message>
    <message>
      <location filename="../options_page.py" />
      <source>Key</source>
      <translation>Clave</translation>
    </message>
    <message>
      <location filename="../options_page.py" />
      <source>New…</source>
      <translation>Nueva…</translation>
    </message>
    <message>
      <location filename="../options_page.py" />
      <source>Import…</source>
      <translation>Importar…</translation>
    </message>
    <message>
      <location filename="../options_page.py" />
      <source>Files…</source>
      <translation>Archivos…</translation>
    </message>
    <message>
      <location filename="../options_page.py" />
      <source>{count} results, {size:.1f} MB</source>
      <translation>{count} resultados, {size:.1f} MB</translation>
    </message>
    <message>
      <location filename="../overviews.py" />
      <source>Overviews of {title} need {size} MB of it: create them with 'planet-vector overviews'.</source>
      <translation>Las pirámides de {title} requieren {size} MB de él: créelas con 'planet-vector overviews'.</translation>
    </message>
    <message>
      <location filename="../overviews.py" />
      <source>{title} has overviews, or refers to others.</source>
      <translation>{title} tiene pirámides o hace referencia a otros.</translation>
    </message>
    <message>
      <location filename="../overviews.py" />
      <source>{title} cannot be decoded: {why}.</source>
      <translation>{title} no se puede decodificar: {why}.</translation>
    </message>
    <message>
      <location filename="../place_dock.py" />
      <source>Scenes at a place</source>
      <translation>Escenas en un lugar</translation>
    </message>
    <message>
      <location filename="../place_dock.py" />
      <source>Click a place on the map.</source>
      <translation>Haga clic en un lugar del mapa.</translation>
    </message>
    <message>
      <location filename="../place_dock.py" />
      <source>All of the collection</source>
      <translation>Todas las de la colección</translation>
    </message>
    <message>
      <location filename="../place_dock.py" />
      <source>List all scenes of the collection there, not only those that match the search</source>
      <translation>Mostrar todas las escenas de la colección en ese lugar, no solo las que cumplen la búsqueda</translation>
    </message>
    <message>
      <location filename="../place_dock.py" />
      <source>Width of the pictures on the ground</source>
      <translation>Anchura de las imágenes en el terreno</translation>
    </message>
    <message>
      <location filename="../place_dock.py" />
      <source>Choose another place on the map</source>
      <translation>Elegir otro lugar en el mapa</translation>
    </message>
    <message>
      <location filename="../place_dock.py" />
      <source>Place</source>
      <translation>Lugar</translation>
    </message>
    <message>
      <location filename="../place_dock.py" />
      <source>Add the imagery of the selected scenes; a double click adds one</source>
      <translation>Añadir las imágenes de las escenas seleccionadas; un doble clic añade una</translation>
    </message>
    <message>
      <location filename="../place_dock.py" />
      <source>Searching</source>
      <translation>Buscando</translation>
    </message>
    <message>
      <location filename="../place_dock.py" />
      <source>Looking for the scenes at a place</source>
      <translation>Buscando las escenas de un lugar</translation>
    </message>
    <message>
      <location filename="../place_dock.py" />
      <source>the first {count} scenes</source>
      <translation>las primeras {count} escenas</translation>
    </message>
    <message>
      <location filename="../place_dock.py" />
      <source>The place is not on the globe: click another one.</source>
      <translation>El lugar no está en el globo: haga clic en otro.</translation>
    </message>
    <message>
      <location filename="../place_dock.py" />
      <source>latitude {latitude:.4f}, longitude {longitude:.4f}</source>
      <translation>latitud {latitude:.4f}, longitud {longitude:.4f}</translation>
    </message>
    <message>
      <location filename="../plugin.py" />
      <source>Search satellite scenes</source>
      <translation>Buscar escenas de satélite</translation>
    </message>
    <message>
      <location filename="../plugin.py" />
      <source>Add Satellite Scenes…</source>
      <translation>Añadir escenas de satélite…</translation>
    </message>
    <message>
      <location filename="../polygons.py" />
      <source>The area cannot be read: {reason}.</source>
      <translation>El área no se puede leer: {reason}.</translation>
    </message>
    <message>
      <location filename="../processing/activate.py" />
      <source>Asks a service that prepares files on request, such as Planet's Data API, for products of scenes, and waits until they can be opened and downloaded. Activation may count against your quota. If a scene lacks a product, or you may not download it, none is activated. After an interruption, the service continues; run the algorithm again to wait for the rest.</source>
      <translation>Pide productos de escenas a un servicio que prepara los archivos bajo demanda, como la Data API de Planet, y espera hasta que se puedan abrir y descargar. La activación puede descontarse de su cuota. Si a una escena le falta un producto, o usted no lo puede descargar, no se activa ninguno. Tras una interrupción, el servicio continúa; ejecute el algoritmo de nuevo para esperar al resto.</translation>
    </message>
    <message>
      <location filename="../processing/activate.py" />
      <source>Wait until the products are active</source>
      <translation>Esperar hasta que los productos estén activos</translation>
    </message>
    <message>
      <location filename="../processing/activate.py" />
      <source>Longest time to wait (minutes)</source>
      <translation>Tiempo máximo de espera (minutos)</translation>
    </message>
    <message>
      <location filename="../processing/activate.py" />
      <source>Number of active products</source>
      <translation>Número de productos activos</translation>
    </message>
    <message>
      <location filename="../processing/activate.py" />
      <source>The files of this service are always available: nothing is activated.</source>
      <translation>Los archivos de este servicio están siempre disponibles: no se activa nada.</translation>
    </message>
    <message>
      <location filename="../processing/activate.py" />
      <source>{count} of {all} products are active.</source>
      <translation>{count} de {all} productos están activos.</translation>
    </message>
    <message>
      <location filename="../processing/algorithm.py" />
      <source>{title} is {value}: give a number.</source>
      <translation>{title} es {value}: indique un número.</translation>
    </message>
    <message>
      <location filename="../processing/algorithm.py" />
      <source>{title} is {value}: give a number from {least:g} to {most:g}.</source>
      <translation>{title} es {value}: indique un número de {least:g} a {most:g}.</translation>
    </message>
    <message>
      <location filename="../processing/algorithm.py" />
      <source>Cancelled.</source>
      <translation>Cancelado.</translation>
    </message>
    <message>
      <location filename="../processing/algorithm.py" />
      <source>A geometry lies outside the coordinate system: check that of its layer.</source>
      <translation>Una geometría está fuera del sistema de coordenadas: compruebe el de su capa.</translation>
    </message>
    <message>
      <location filename="../processing/algorithm.py" />
      <source>{title} has no such option.</source>
      <translation>{title} no tiene esa opción.</translation>
    </message>
    <message>
      <location filename="../processing/crops.py" />
      <source>Crop stack</source>
      <translation>Recortar pila</translation>
    </message>
    <message>
      <location filename="../processing/crops.py" />
      <source>Cuts an area out of each scene that covers it: one GeoTIFF per scene, all on one north-up grid of matching pixels. The grid contains the whole pixels that the rectangle around the area touches. Without an area, with a polygon of 'Find stacks' (whose scenes are then used), or on request, the area is the largest rectangle that all scenes cover. Each scene is read remotely, and only within the area. The tags of each file contain the scene, its acquisition time, the share of valid pixels, and the share of the area with data.</source>
      <translation>Recorta un área de cada escena que la cubre: un GeoTIFF por escena, todos en una misma cuadrícula orientada al norte de píxeles coincidentes. La cuadrícula contiene los píxeles enteros que toca el rectángulo alrededor del área. Sin área, con un polígono de 'Buscar pilas' (cuyas escenas se usan entonces), o si se pide, el área es el mayor rectángulo que cubren todas las escenas. Cada escena se lee a distancia, y solo dentro del área. Las etiquetas de cada archivo contienen la escena, su hora de adquisición, la proporción de píxeles válidos y la proporción del área con datos.</translation>
    </message>
    <message>
      <location filename="../processing/crops.py" />
      <source>{width} × {height} pixels of {pixel:g} m, EPSG:{epsg}</source>
      <translation>{width} × {height} píxeles de {pixel:g} m, EPSG:{epsg}</translation>
    </message>
    <message>
      <location filename="../processing/crops.py" />
      <source>No scene covers the whole area, only up to {percent:.1f} % of it: choose a smaller area.</source>
      <translation>Ninguna escena cubre toda el área, solo hasta un {percent:.1f} % de ella: elija un área menor.</translation>
    </message>
    <message>
      <location filename="../processing/crops.py" />
      <source>One polygon to cut out, or a stack; by default all common ground.</source>
      <translation>Un polígono que recortar, o una pila; de forma predeterminada, todo el terreno común.</translation>
    </message>
    <message>
      <location filename="../processing/crops.py" />
      <source>By default that of the oldest scene; the grid is aligned with its pixels.</source>
      <translation>De forma predeterminada, el de la escena más antigua; la cuadrícula se alinea con sus píxeles.</translation>
    </message>
    <message>
      <location filename="../processing/crops.py" />
      <source>Scene {scene} covers {percent:.1f} % of the area: it is left out.</source>
      <translation>La escena {scene} cubre el {percent:.1f} % del área: se omite.</translation>
    </message>
    <message>
      <location filename="../processing/crops.py" />
      <source>Largest rectangle inside the area</source>
      <translation>Mayor rectángulo dentro del área</translation>
    </message>
    <message>
      <location filename="../processing/crops.py" />
      <source>Pixel size (m)</source>
      <translation>Tamaño de píxel (m)</translation>
    </message>
    <message>
      <location filename="../processing/crops.py" />
      <source>Folder</source>
      <translation>Carpeta</translation>
    </message>
    <message>
      <location filename="../processing/crops.py" />
      <source>Crops</source>
      <translation>Recortes</translation>
    </message>
    <message>
      <location filename="../processing/crops.py" />
      <source>Number of crops</source>
      <translation>Número de recortes</translation>
    </message>
    <message>
      <location filename="../processing/crops.py" />
      <source>No scene has data in the area.</source>
      <translation>Ninguna escena tiene datos en el área.</translation>
    </message>
    <message>
      <location filename="../processing/crops.py" />
      <source>The scenes have no ground in common.</source>
      <translation>Las escenas no tienen terreno en común.</translation>
    </message>
    <message>
      <location filename="../processing/crops.py" />
      <source>Scene {scene} has no footprint: leave it out.</source>
      <translation>La escena {scene} no tiene huella: exclúyala.</translation>
    </message>
    <message>
      <location filename="../processing/crops.py" />
      <source>The area has {count} polygons: select the one to crop.</source>
      <translation>El área tiene {count} polígonos: seleccione el que se debe recortar.</translation>
    </message>
    <message>
      <location filename="../processing/crops.py" />
      <source>Scene {scene} of the stack is not in the layer of scenes.</source>
      <translation>La escena {scene} de la pila no está en la capa de escenas.</translation>
    </message>
    <message>
      <location filename="../processing/crops.py" />
      <source>Scene {scene} has no data in the area: it is left out.</source>
      <translation>La escena {scene} no tiene datos en el área: se omite.</translation>
    </message>
    <message>
      <location filename="../processing/download.py" />
      <source>Download products</source>
      <translation>Descargar productos</translation>
    </message>
    <message>
      <location filename="../processing/download.py" />
      <source>Downloads products of scenes as whole files. Existing files are kept, and interrupted downloads are resumed. Products can be viewed without a download: add them as layers.</source>
      <translation>Descarga productos de escenas como archivos completos. Los archivos existentes se conservan y las descargas interrumpidas se reanudan. Los productos se pueden ver sin descargarlos: añádalos como capas.</translation>
    </message>
    <message>
      <location filename="../processing/download.py" />
      <source>Replace files that do not come from the service</source>
      <translation>Reemplazar los archivos que no proceden del servicio</translation>
    </message>
    <message>
      <location filename="../processing/download.py" />
      <source>Files</source>
      <translation>Archivos</translation>
    </message>
    <message>
      <location filename="../processing/download.py" />
      <source>Number of files</source>
      <translation>Número de archivos</translation>
    </message>
    <message>
      <location filename="../processing/imagery.py" />
      <source>The coordinate system does not fit the scenes: {why}.</source>
      <translation>El sistema de coordenadas no es adecuado para las escenas: {why}.</translation>
    </message>
    <message>
      <location filename="../processing/imagery.py" />
      <source>{width:,} × {height:,} pixels are too many: choose larger pixels, or a smaller area.</source>
      <translation>{width:,} × {height:,} píxeles son demasiados: elija píxeles mayores o un área menor.</translation>
    </message>
    <message>
      <location filename="../processing/imagery.py" />
      <source>The pixels cannot be read or written: {why}.</source>
      <translation>Los píxeles no se pueden leer o escribir: {why}.</translation>
    </message>
    <message>
      <location filename="../processing/imagery.py" />
      <source>The raster cannot be written: {why}.</source>
      <translation>El ráster no se puede escribir: {why}.</translation>
    </message>
    <message>
      <location filename="../processing/layer_features.py" />
      <source>The area contains no polygon.</source>
      <translation>El área no contiene ningún polígono.</translation>
    </message>
    <message>
      <location filename="../processing/mosaic.py" />
      <source>Mosaic</source>
      <translation>Mosaico</translation>
    </message>
    <message>
      <location filename="../processing/mosaic.py" />
      <source>Merges a product of many scenes into one GeoTIFF. Each scene is read remotely, and only within the extent.</source>
      <translation>Une un producto de muchas escenas en un GeoTIFF. Cada escena se lee a distancia, y solo dentro de la extensión.</translation>
    </message>
    <message>
      <location filename="../processing/mosaic.py" />
      <source>By default around all scenes.</source>
      <translation>De forma predeterminada, alrededor de todas las escenas.</translation>
    </message>
    <message>
      <location filename="../processing/mosaic.py" />
      <source>In units of the coordinate system; by default that of the scene on top.</source>
      <translation>En unidades del sistema de coordenadas; de forma predeterminada, el de la escena superior.</translation>
    </message>
    <message>
      <location filename="../processing/mosaic.py" />
      <source>By default that of the scene on top.</source>
      <translation>De forma predeterminada, el de la escena superior.</translation>
    </message>
    <message>
      <location filename="../processing/mosaic.py" />
      <source>The newest</source>
      <translation>La más reciente</translation>
    </message>
    <message>
      <location filename="../processing/mosaic.py" />
      <source>The oldest</source>
      <translation>La más antigua</translation>
    </message>
    <message>
      <location filename="../processing/mosaic.py" />
      <source>The clearest</source>
      <translation>La más despejada</translation>
    </message>
    <message>
      <location filename="../processing/mosaic.py" />
      <source>Extent</source>
      <translation>Extensión</translation>
    </message>
    <message>
      <location filename="../processing/mosaic.py" />
      <source>Pixel size</source>
      <translation>Tamaño de píxel</translation>
    </message>
    <message>
      <location filename="../processing/mosaic.py" />
      <source>Coordinate system</source>
      <translation>Sistema de coordenadas</translation>
    </message>
    <message>
      <location filename="../processing/mosaic.py" />
      <source>Scene on top</source>
      <translation>Escena superior</translation>
    </message>
    <message>
      <location filename="../processing/mosaic.py" />
      <source>No scene is in the extent.</source>
      <translation>No hay ninguna escena en la extensión.</translation>
    </message>
    <message>
      <location filename="../processing/mosaic.py" />
      <source>The extent has no area.</source>
      <translation>La extensión no tiene área.</translation>
    </message>
    <message>
      <location filename="../processing/mosaic.py" />
      <source>{width} × {height} pixels</source>
      <translation>{width} × {height} píxeles</translation>
    </message>
    <message>
      <location filename="../processing/overlay.py" />
      <source>The size of the area cannot be measured: choose a smaller one.</source>
      <translation>El tamaño del área no se puede medir: elija una menor.</translation>
    </message>
    <message>
      <location filename="../processing/places.py" />
      <source>The layer of places has no coordinate system: set it in its properties.</source>
      <translation>La capa de lugares no tiene sistema de coordenadas: defínalo en sus propiedades.</translation>
    </message>
    <message>
      <location filename="../processing/places.py" />
      <source>The layer of places is empty: add points or polygons, or select some.</source>
      <translation>La capa de lugares está vacía: añada puntos o polígonos, o seleccione algunos.</translation>
    </message>
    <message>
      <location filename="../processing/places.py" />
      <source>The places are points and polygons: use a layer of one kind.</source>
      <translation>Los lugares son puntos y polígonos: use una capa de una sola clase.</translation>
    </message>
    <message>
      <location filename="../processing/places.py" />
      <source>Place {name} has no point and no polygon: give it one, or remove it.</source>
      <translation>El lugar {name} no tiene punto ni polígono: asígnele uno o elimínelo.</translation>
    </message>
    <message>
      <location filename="../processing/places.py" />
      <source>Place {name} lies outside the globe: check the coordinate system of its layer.</source>
      <translation>El lugar {name} está fuera del globo: compruebe el sistema de coordenadas de su capa.</translation>
    </message>
    <message>
      <location filename="../processing/places.py" />
      <source>Feature {number} of the places has no value in {field}: give it one.</source>
      <translation>El objeto espacial {number} de los lugares no tiene valor en {field}: asígnele uno.</translation>
    </message>
    <message>
      <location filename="../processing/places.py" />
      <source>Two places have the id {name}: choose a field whose values differ.</source>
      <translation>Dos lugares tienen el identificador {name}: elija un campo cuyos valores sean distintos.</translation>
    </message>
    <message>
      <location filename="../processing/places.py" />
      <source>Place {name} has several points: split it into features of one.</source>
      <translation>El lugar {name} tiene varios puntos: divídalo en objetos espaciales de uno solo.</translation>
    </message>
    <message>
      <location filename="../processing/places.py" />
      <source>Place {name} has no area: remove it.</source>
      <translation>El lugar {name} no tiene área: elimínelo.</translation>
    </message>
    <message>
      <location filename="../processing/rectangle.py" />
      <source>Largest rectangle</source>
      <translation>Mayor rectángulo</translation>
    </message>
    <message>
      <location filename="../processing/rectangle.py" />
      <source>Finds the largest rectangle inside each polygon: the part of a stack of scenes that makes an image without gaps. It is parallel to the axes of the coordinate system, unless any orientation is allowed. Without a coordinate system, each is computed in the UTM zone of its polygon and written in the coordinate system of the layer.</source>
      <translation>Busca el mayor rectángulo dentro de cada polígono: la parte de una pila de escenas que forma una imagen sin huecos. Es paralelo a los ejes del sistema de coordenadas, a no ser que se permita cualquier orientación. Sin sistema de coordenadas, cada uno se calcula en la zona UTM de su polígono y se escribe en el sistema de coordenadas de la capa.</translation>
    </message>
    <message>
      <location filename="../processing/rectangle.py" />
      <source>Polygons</source>
      <translation>Polígonos</translation>
    </message>
    <message>
      <location filename="../processing/rectangle.py" />
      <source>Coordinate system of the rectangle</source>
      <translation>Sistema de coordenadas del rectángulo</translation>
    </message>
    <message>
      <location filename="../processing/rectangle.py" />
      <source>Width over height</source>
      <translation>Anchura entre altura</translation>
    </message>
    <message>
      <location filename="../processing/rectangle.py" />
      <source>In any orientation</source>
      <translation>En cualquier orientación</translation>
    </message>
    <message>
      <location filename="../processing/rectangle.py" />
      <source>Rectangles</source>
      <translation>Rectángulos</translation>
    </message>
    <message>
      <location filename="../processing/rectangle.py" />
      <source>Feature {id} has no area: it is left out.</source>
      <translation>El objeto espacial {id} no tiene área: se omite.</translation>
    </message>
    <message>
      <location filename="../processing/rectangle.py" />
      <source>Feature {id}:</source>
      <translation>Objeto espacial {id}:</translation>
    </message>
    <message>
      <location filename="../processing/sampling.py" />
      <source>{title} has no position, so places are not found in it.</source>
      <translation>{title} no tiene posición, por lo que no se encuentran lugares en él.</translation>
    </message>
    <message>
      <location filename="../processing/sampling.py" />
      <source>{title} has {count} bands, so {name} cannot be band {number}: check the product.</source>
      <translation>{title} tiene {count} bandas, por lo que {name} no puede ser la banda {number}: compruebe el producto.</translation>
    </message>
    <message>
      <location filename="../processing/sampling.py" />
      <source>Band {number} of {title} has complex numbers, which expressions do not take.</source>
      <translation>La banda {number} de {title} tiene números complejos, que las expresiones no admiten.</translation>
    </message>
    <message>
      <location filename="../processing/sampling.py" />
      <source>{expression} is for reflectance from 0 to 1, and band {number} of {title} has integers without a scale: give the scale, such as 0.0001.</source>
      <translation>{expression} es para reflectancia de 0 a 1, y la banda {number} de {title} tiene enteros sin escala: indique la escala, por ejemplo 0.0001.</translation>
    </message>
    <message>
      <location filename="../processing/sampling.py" />
      <source>A polygon spans {width:,} × {height:,} pixels of {title}; at most {most:,} are read: divide it.</source>
      <translation>Un polígono abarca {width:,} × {height:,} píxeles de {title}; se leen como máximo {most:,}: divídalo.</translation>
    </message>
    <message>
      <location filename="../processing/sampling.py" />
      <source>The pixels of {one} cannot be found in {other}: {why}.</source>
      <translation>Los píxeles de {one} no se encuentran en {other}: {why}.</translation>
    </message>
    <message>
      <location filename="../processing/sampling.py" />
      <source>{title} cannot be read: {why}.</source>
      <translation>{title} no se puede leer: {why}.</translation>
    </message>
    <message>
      <location filename="../processing/search.py" />
      <source>Search scenes</source>
      <translation>Buscar escenas</translation>
    </message>
    <message>
      <location filename="../processing/search.py" />
      <source>Searches a scenes service and stores the footprints and properties of the scenes in a layer. The layer is a snapshot: it does not change when new scenes are published. For a live layer, use 'Add a search as a live layer'.</source>
      <translation>Busca en un servicio de escenas y guarda las huellas y propiedades de las escenas en una capa. La capa es una instantánea: no cambia cuando se publican escenas nuevas. Para una capa dinámica, use 'Añadir una búsqueda como capa dinámica'.</translation>
    </message>
    <message>
      <location filename="../processing/search.py" />
      <source>Add a search as a live layer</source>
      <translation>Añadir una búsqueda como capa dinámica</translation>
    </message>
    <message>
      <location filename="../processing/search.py" />
      <source>Opens a search as a vector layer. Nothing is stored: the layer requests the scenes in view from the service, and shows new scenes when it is opened again. In a model, its result is the input of further steps.</source>
      <translation>Abre una búsqueda como capa vectorial. No se guarda nada: la capa solicita al servicio las escenas a la vista y muestra las escenas nuevas cuando se abre de nuevo. En un modelo, su resultado es la entrada de pasos posteriores.</translation>
    </message>
    <message>
      <location filename="../processing/search.py" />
      <source>A collection of the service; the browser panel lists them. Can be left empty if there is only one.</source>
      <translation>Una colección del servicio; el panel Navegador las enumera. Se puede dejar vacío si solo hay una.</translation>
    </message>
    <message>
      <location filename="../processing/search.py" />
      <source>Finds scenes that share ground with it. Give this or an extent, or neither.</source>
      <translation>Busca escenas que comparten terreno con ella. Indique esto o una extensión, o ninguna de las dos.</translation>
    </message>
    <message>
      <location filename="../processing/search.py" />
      <source>This day is included.</source>
      <translation>Este día está incluido.</translation>
    </message>
    <message>
      <location filename="../processing/search.py" />
      <source>One per line, in the syntax of the service: sat.off_nadir.lte=10, image_statistics.gsd.lt=4 …</source>
      <translation>Una por línea, con la sintaxis del servicio: sat.off_nadir.lte=10, image_statistics.gsd.lt=4 …</translation>
    </message>
    <message>
      <location filename="../processing/search.py" />
      <source>Scene type</source>
      <translation>Tipo de escena</translation>
    </message>
    <message>
      <location filename="../processing/search.py" />
      <source>Area: an extent</source>
      <translation>Área: una extensión</translation>
    </message>
    <message>
      <location filename="../processing/search.py" />
      <source>Area: the polygons of a layer</source>
      <translation>Área: los polígonos de una capa</translation>
    </message>
    <message>
      <location filename="../processing/search.py" />
      <source>Acquired from (day, UTC)</source>
      <translation>Adquisición desde (día, UTC)</translation>
    </message>
    <message>
      <location filename="../processing/search.py" />
      <source>Acquired to (day, UTC)</source>
      <translation>Adquisición hasta (día, UTC)</translation>
    </message>
    <message>
      <location filename="../processing/search.py" />
      <source>Maximum cloud cover (%)</source>
      <translation>Nubosidad máxima (%)</translation>
    </message>
    <message>
      <location filename="../processing/search.py" />
      <source>Further conditions</source>
      <translation>Otras condiciones</translation>
    </message>
    <message>
      <location filename="../processing/search.py" />
      <source>Maximum number of scenes</source>
      <translation>Número máximo de escenas</translation>
    </message>
    <message>
      <location filename="../processing/search.py" />
      <source>A search takes one area: give an extent or a layer, not both.</source>
      <translation>Una búsqueda admite un área: indique una extensión o una capa, no ambas.</translation>
    </message>
    <message>
      <location filename="../processing/search.py" />
      <source>The layer of the area has no polygon.</source>
      <translation>La capa del área no tiene ningún polígono.</translation>
    </message>
    <message>
      <location filename="../processing/search.py" />
      <source>Number of scenes</source>
      <translation>Número de escenas</translation>
    </message>
    <message>
      <location filename="../processing/search.py" />
      <source>Name of the search</source>
      <translation>Nombre de la búsqueda</translation>
    </message>
    <message>
      <location filename="../processing/search.py" />
      <source>The service does not report cloud cover.</source>
      <translation>El servicio no informa de la nubosidad.</translation>
    </message>
    <message>
      <location filename="../processing/search.py" />
      <source>Give the scene type; connection {name} has: {types}.</source>
      <translation>Indique el tipo de escena; la conexión {name} tiene: {types}.</translation>
    </message>
    <message>
      <location filename="../processing/search.py" />
      <source>The newest first</source>
      <translation>Las más recientes primero</translation>
    </message>
    <message>
      <location filename="../processing/search.py" />
      <source>The oldest first</source>
      <translation>Las más antiguas primero</translation>
    </message>
    <message>
      <location filename="../processing/search.py" />
      <source>QGIS cannot open {name}.</source>
      <translation>QGIS no puede abrir {name}.</translation>
    </message>
    <message>
      <location filename="../processing/search.py" />
      <source>The condition {text!r} has no value: write FIELD.COMPARATOR=VALUE.</source>
      <translation>La condición {text!r} no tiene valor: escriba CAMPO.COMPARADOR=VALOR.</translation>
    </message>
    <message>
      <location filename="../processing/series_chart.py" />
      <source>{shown} of {count} places are shown; the table has all.</source>
      <translation>Se muestran {shown} de {count} lugares; la tabla los tiene todos.</translation>
    </message>
    <message>
      <location filename="../processing/series_chart.py" />
      <source>Places without any value: {count}</source>
      <translation>Lugares sin ningún valor: {count}</translation>
    </message>
    <message>
      <location filename="../processing/series_chart.py" />
      <source>No place has a value in any scene.</source>
      <translation>Ningún lugar tiene un valor en alguna escena.</translation>
    </message>
    <message>
      <location filename="../processing/service_algorithm.py" />
      <source>The name of a connection, see Options ▸ Planet Scenes; in scripts and models also the root URL of a service. The key comes from the connection or the environment, not from this parameter.</source>
      <translation>El nombre de una conexión, véase Opciones ▸ Planet Scenes; en scripts y modelos también la URL raíz de un servicio. La clave procede de la conexión o del entorno, no de este parámetro.</translation>
    </message>
    <message>
      <location filename="../processing/service_algorithm.py" />
      <source>A search layer, a snapshot of one, or the scenes selected in it.</source>
      <translation>Una capa de búsqueda, una instantánea de ella o las escenas seleccionadas en ella.</translation>
    </message>
    <message>
      <location filename="../processing/service_algorithm.py" />
      <source>Such as visual or analytic; by default the one that shows the scenes best.</source>
      <translation>Por ejemplo, visual o analytic; de forma predeterminada, el que mejor muestra las escenas.</translation>
    </message>
    <message>
      <location filename="../processing/service_algorithm.py" />
      <source>One or several with commas between, such as visual, analytic; by default the one that shows the scenes best.</source>
      <translation>Uno o varios separados por comas, por ejemplo visual, analytic; de forma predeterminada, el que mejor muestra las escenas.</translation>
    </message>
    <message>
      <location filename="../processing/service_algorithm.py" />
      <source>Scene type, if the layer does not contain it</source>
      <translation>Tipo de escena, si la capa no lo contiene</translation>
    </message>
    <message>
      <location filename="../processing/service_algorithm.py" />
      <source>Product</source>
      <translation>Producto</translation>
    </message>
    <message>
      <location filename="../processing/service_algorithm.py" />
      <source>Products</source>
      <translation>Productos</translation>
    </message>
    <message>
      <location filename="../processing/service_algorithm.py" />
      <source>Resampling</source>
      <translation>Remuestreo</translation>
    </message>
    <message>
      <location filename="../processing/service_algorithm.py" />
      <source>The layer has no scenes: widen the search, or select some.</source>
      <translation>La capa no tiene escenas: amplíe la búsqueda o seleccione algunas.</translation>
    </message>
    <message>
      <location filename="../processing/service_algorithm.py" />
      <source>A row of the layer has no id of a scene: remove it.</source>
      <translation>Una fila de la capa no tiene identificador de escena: elimínela.</translation>
    </message>
    <message>
      <location filename="../processing/service_algorithm.py" />
      <source>The layer has no column 'id' with the ids of scenes: use a layer made by a search.</source>
      <translation>La capa no tiene la columna 'id' con los identificadores de las escenas: use una capa creada por una búsqueda.</translation>
    </message>
    <message>
      <location filename="../processing/service_algorithm.py" />
      <source>The scenes have different preferred products, {names}: name a product.</source>
      <translation>Las escenas tienen productos preferidos distintos, {names}: indique un producto.</translation>
    </message>
    <message>
      <location filename="../processing/service_algorithm.py" />
      <source>The layer does not contain the type of scene {scene}: give the scene type.</source>
      <translation>La capa no contiene el tipo de la escena {scene}: indique el tipo de escena.</translation>
    </message>
    <message>
      <location filename="../processing/service_algorithm.py" />
      <source>Scene {scene} does not belong to connection {name}: choose the connection it was found with.</source>
      <translation>La escena {scene} no pertenece a la conexión {name}: elija la conexión con la que se encontró.</translation>
    </message>
    <message>
      <location filename="../processing/stacks.py" />
      <source>Find stacks</source>
      <translation>Buscar pilas</translation>
    </message>
    <message>
      <location filename="../processing/stacks.py" />
      <source>Finds the sets of scenes that cover the same ground, by an exact overlay of their footprints. Each stack is as large a set as the minimum area allows, and none is part of another; those with most scenes come first. Its geometry is the ground that all of its scenes cover. With an area of interest, only ground within it counts: first come all scenes that cover the whole area, or else those that share most of it, and a column contains the share of the area that each stack covers.</source>
      <translation>Busca los conjuntos de escenas que cubren el mismo terreno, mediante una superposición exacta de sus huellas. Cada pila es un conjunto tan grande como permite el área mínima, y ninguna es parte de otra; las que tienen más escenas van primero. Su geometría es el terreno que cubren todas sus escenas. Con un área de interés, solo cuenta el terreno dentro de ella: primero van todas las escenas que cubren toda el área, o bien las que comparten la mayor parte de ella, y una columna contiene la proporción del área que cubre cada pila.</translation>
    </message>
    <message>
      <location filename="../processing/stacks.py" />
      <source>Footprints</source>
      <translation>Huellas</translation>
    </message>
    <message>
      <location filename="../processing/stacks.py" />
      <source>Column with the scene id</source>
      <translation>Columna con el identificador de la escena</translation>
    </message>
    <message>
      <location filename="../processing/stacks.py" />
      <source>Column with the acquisition time</source>
      <translation>Columna con la hora de adquisición</translation>
    </message>
    <message>
      <location filename="../processing/stacks.py" />
      <source>Minimum number of scenes in a stack</source>
      <translation>Número mínimo de escenas en una pila</translation>
    </message>
    <message>
      <location filename="../processing/stacks.py" />
      <source>Minimum area they share (km²)</source>
      <translation>Área mínima que comparten (km²)</translation>
    </message>
    <message>
      <location filename="../processing/stacks.py" />
      <source>Area of interest</source>
      <translation>Área de interés</translation>
    </message>
    <message>
      <location filename="../processing/stacks.py" />
      <source>Stacks</source>
      <translation>Pilas</translation>
    </message>
    <message>
      <location filename="../processing/stacks.py" />
      <source>Number of stacks</source>
      <translation>Número de pilas</translation>
    </message>
    <message>
      <location filename="../processing/stacks.py" />
      <source>{count} footprints</source>
      <translation>{count} huellas</translation>
    </message>
    <message>
      <location filename="../processing/stacks.py" />
      <source>The layer has no column {name}: choose another.</source>
      <translation>La capa no tiene la columna {name}: elija otra.</translation>
    </message>
    <message>
      <location filename="../processing/sync.py" />
      <source>{done} scenes are complete, {todo} are to be fetched.</source>
      <translation>{done} escenas están completas, {todo} quedan por descargar.</translation>
    </message>
    <message>
      <location filename="../processing/sync.py" />
      <source>Synchronise a folder with a search</source>
      <translation>Sincronizar una carpeta con una búsqueda</translation>
    </message>
    <message>
      <location filename="../processing/sync.py" />
      <source>Downloads the products of all scenes of a search that a folder lacks, with a file of metadata for each scene. Run it again to fetch new scenes, and those that failed or were interrupted. Files of scenes that were published again are replaced; nothing is deleted.</source>
      <translation>Descarga los productos de todas las escenas de una búsqueda que faltan en una carpeta, con un archivo de metadatos para cada escena. Ejecútelo de nuevo para descargar las escenas nuevas y las que fallaron o se interrumpieron. Los archivos de escenas publicadas de nuevo se reemplazan; no se elimina nada.</translation>
    </message>
    <message>
      <location filename="../processing/sync.py" />
      <source>Only list what would be downloaded</source>
      <translation>Solo enumerar lo que se descargaría</translation>
    </message>
    <message>
      <location filename="../processing/sync.py" />
      <source>{name} is no longer at the service: it is not tried again.</source>
      <translation>{name} ya no está en el servicio: no se intenta de nuevo.</translation>
    </message>
    <message>
      <location filename="../processing/sync.py" />
      <source>{count} scenes or products could not be fetched; the first: {error} Run the algorithm again to fetch the rest.</source>
      <translation>{count} escenas o productos no se pudieron descargar; el primero: {error} Ejecute el algoritmo de nuevo para descargar el resto.</translation>
    </message>
    <message>
      <location filename="../processing/timeseries.py" />
      <source>Time series of places</source>
      <translation>Serie temporal de lugares</translation>
    </message>
    <message>
      <location filename="../processing/timeseries.py" />
      <source>Reads the values of a band, or of an expression of bands, at points or in polygons from all scenes that cover them, into a table with a row for each place and scene. Only the pixels of the places are read. Of a point it is the pixel that contains it; of a polygon the pixels whose centre is inside, with their mean, median, minimum, maximum, standard deviation and number. The column 'valid' is the share of pixels that have data, from 0 to 1.</source>
      <translation>Lee los valores de una banda, o de una expresión de bandas, en puntos o polígonos de todas las escenas que los cubren, en una tabla con una fila por lugar y escena. Solo se leen los píxeles de los lugares. De un punto es el píxel que lo contiene; de un polígono, los píxeles cuyo centro está dentro, con su media, mediana, mínimo, máximo, desviación típica y número. La columna 'valid' es la proporción de píxeles con datos, de 0 a 1.</translation>
    </message>
    <message>
      <location filename="../processing/timeseries.py" />
      <source>HTML files (*.html)</source>
      <translation>Archivos HTML (*.html)</translation>
    </message>
    <message>
      <location filename="../processing/timeseries.py" />
      <source>By default the numbers of the features.</source>
      <translation>De forma predeterminada, los números de los objetos espaciales.</translation>
    </message>
    <message>
      <location filename="../processing/timeseries.py" />
      <source>The product that has the bands; by default any that has them.</source>
      <translation>El producto que tiene las bandas; de forma predeterminada, cualquiera que las tenga.</translation>
    </message>
    <message>
      <location filename="../processing/timeseries.py" />
      <source>By default as the file states, else the service.</source>
      <translation>De forma predeterminada, como indica el archivo o, si no, el servicio.</translation>
    </message>
    <message>
      <location filename="../processing/timeseries.py" />
      <source>The rows of such a scene have no values, and the reason in a column 'error'.</source>
      <translation>Las filas de una escena así no tienen valores, y el motivo está en la columna 'error'.</translation>
    </message>
    <message>
      <location filename="../processing/timeseries.py" />
      <source>A page with the values of each place over time; for polygons, the mean with the standard deviation.</source>
      <translation>Una página con los valores de cada lugar a lo largo del tiempo; para polígonos, la media con la desviación estándar.</translation>
    </message>
    <message>
      <location filename="../processing/timeseries.py" />
      <source>Places: points or polygons</source>
      <translation>Lugares: puntos o polígonos</translation>
    </message>
    <message>
      <location filename="../processing/timeseries.py" />
      <source>Field with the ids of places</source>
      <translation>Campo con los identificadores de los lugares</translation>
    </message>
    <message>
      <location filename="../processing/timeseries.py" />
      <source>Band or expression</source>
      <translation>Banda o expresión</translation>
    </message>
    <message>
      <location filename="../processing/timeseries.py" />
      <source>Factor of the pixels</source>
      <translation>Factor de los píxeles</translation>
    </message>
    <message>
      <location filename="../processing/timeseries.py" />
      <source>Summand of the pixels</source>
      <translation>Sumando de los píxeles</translation>
    </message>
    <message>
      <location filename="../processing/timeseries.py" />
      <source>Continue after a scene that fails</source>
      <translation>Continuar después de una escena que falla</translation>
    </message>
    <message>
      <location filename="../processing/timeseries.py" />
      <source>Time series</source>
      <translation>Serie temporal</translation>
    </message>
    <message>
      <location filename="../processing/timeseries.py" />
      <source>Chart</source>
      <translation>Gráfico</translation>
    </message>
    <message>
      <location filename="../processing/timeseries.py" />
      <source>Number of rows</source>
      <translation>Número de filas</translation>
    </message>
    <message>
      <location filename="../processing/timeseries.py" />
      <source>Number of scenes that failed</source>
      <translation>Número de escenas que fallaron</translation>
    </message>
    <message>
      <location filename="../processing/timeseries.py" />
      <source>No scene covers a place: widen the search, or check the places.</source>
      <translation>Ninguna escena cubre un lugar: amplíe la búsqueda o compruebe los lugares.</translation>
    </message>
    <message>
      <location filename="../processing/timeseries.py" />
      <source>Arithmetic on bands such as (nir - red) / (nir + red), a band, or an index: {indices}.</source>
      <translation>Aritmética de bandas como (nir - red) / (nir + red), una banda o un índice: {indices}.</translation>
    </message>
    <message>
      <location filename="../processing/timeseries.py" />
      <source>{count} of {all} scenes failed; the column 'error' has the reasons.</source>
      <translation>{count} de {all} escenas fallaron; los motivos están en la columna 'error'.</translation>
    </message>
    <message>
      <location filename="../processing/timeseries.py" />
      <source>The chart cannot be written to {path}: {reason}.</source>
      <translation>No se puede escribir el gráfico en {path}: {reason}.</translation>
    </message>
    <message>
      <location filename="../product_sources.py" />
      <source>The service only delivers {scene}/{product} as a whole file: download it instead.</source>
      <translation>El servicio solo entrega {scene}/{product} como archivo completo: descárguelo en su lugar.</translation>
    </message>
    <message>
      <location filename="../products.py" />
      <source>Opening a mosaic</source>
      <translation>Abriendo un mosaico</translation>
    </message>
    <message>
      <location filename="../products.py" />
      <source>Opening {product} of {title}</source>
      <translation>Abriendo {product} de {title}</translation>
    </message>
    <message>
      <location filename="../products.py" />
      <source>imagery</source>
      <translation>imágenes</translation>
    </message>
    <message>
      <location filename="../products.py" />
      <source>Mosaic of {count} scenes</source>
      <translation>Mosaico de {count} escenas</translation>
    </message>
    <message>
      <location filename="../products.py" />
      <source>Imagery of {layer}</source>
      <translation>Imágenes de {layer}</translation>
    </message>
    <message>
      <location filename="../projects.py" />
      <source>Log in</source>
      <translation>Iniciar sesión</translation>
    </message>
    <message>
      <location filename="../projects.py" />
      <source>The layers of {name} require a log-in.</source>
      <translation>Las capas de {name} requieren iniciar sesión.</translation>
    </message>
    <message>
      <location filename="../projects.py" />
      <source>There is no connection to the service of layer {layer}: add one to open the layer.</source>
      <translation>No hay ninguna conexión al servicio de la capa {layer}: añada una para abrir la capa.</translation>
    </message>
    <message>
      <location filename="../raster_layers.py" />
      <source>{title}, masked</source>
      <translation>{title}, enmascarado</translation>
    </message>
    <message>
      <location filename="../raster_layers.py" />
      <source>Band {number}</source>
      <translation>Banda {number}</translation>
    </message>
    <message>
      <location filename="../raster_layers.py" />
      <source>QGIS cannot open {title}.</source>
      <translation>QGIS no puede abrir {title}.</translation>
    </message>
    <message>
      <location filename="../raster_opening.py" />
      <source>{title} cannot be opened as a GeoTIFF: {why}. Try again later, or download it.</source>
      <translation>{title} no se puede abrir como GeoTIFF: {why}. Inténtelo más tarde o descárguelo.</translation>
    </message>
    <message>
      <location filename="../raster_opening.py" />
      <source>{title} has blocks of {size:,} bytes, larger than those of any product: it is not read.</source>
      <translation>{title} tiene bloques de {size:,} bytes, mayores que los de cualquier producto: no se lee.</translation>
    </message>
    <message>
      <location filename="../raster_opening.py" />
      <source>{title} cannot be opened: {why}. Try again later.</source>
      <translation>{title} no se puede abrir: {why}. Inténtelo más tarde.</translation>
    </message>
    <message>
      <location filename="../raster_opening.py" />
      <source>{title} has no coordinate system.</source>
      <translation>{title} no tiene sistema de coordenadas.</translation>
    </message>
    <message>
      <location filename="../results.py" />
      <source>cloud cover unknown</source>
      <translation>nubosidad desconocida</translation>
    </message>
    <message>
      <location filename="../results.py" />
      <source>no products</source>
      <translation>ningún producto</translation>
    </message>
    <message>
      <location filename="../results.py" />
      <source>{cover:g} % cloud</source>
      <translation>{cover:g} % de nubes</translation>
    </message>
    <message>
      <location filename="../snapshot.py" />
      <source>Saving {title}</source>
      <translation>Guardando {title}</translation>
    </message>
    <message>
      <location filename="../snapshot.py" />
      <source>{path} cannot be written: {why}.</source>
      <translation>{path} no se puede escribir: {why}.</translation>
    </message>
    <message>
      <location filename="../snapshot.py" />
      <source>The snapshot has only {kept} of {count} scenes and was discarded: try again.</source>
      <translation>La instantánea solo tiene {kept} de {count} escenas y se ha descartado: inténtelo de nuevo.</translation>
    </message>
    <message>
      <location filename="../source_page.py" />
      <source>Add satellite scenes as a layer</source>
      <translation>Añadir escenas de satélite como capa</translation>
    </message>
    <message>
      <location filename="../source_page.py" />
      <source>Add satellite scenes</source>
      <translation>Añadir escenas de satélite</translation>
    </message>
    <message>
      <location filename="../source_page.py" />
      <source>Filter collections</source>
      <translation>Filtrar colecciones</translation>
    </message>
    <message>
      <location filename="../source_page.py" />
      <source>Only scenes in the present extent of the map</source>
      <translation>Solo escenas de la extensión actual del mapa</translation>
    </message>
    <message>
      <location filename="../source_page.py" />
      <source>Connect to list the collections.</source>
      <translation>Conéctese para enumerar las colecciones.</translation>
    </message>
    <message>
      <location filename="../source_page.py" />
      <source>Connect</source>
      <translation>Conectar</translation>
    </message>
    <message>
      <location filename="../source_page.py" />
      <source>scenes, the newest</source>
      <translation>escenas, las más recientes</translation>
    </message>
    <message>
      <location filename="../source_page.py" />
      <source>The service lists no collections.</source>
      <translation>El servicio no enumera ninguna colección.</translation>
    </message>
    <message>
      <location filename="../stac_import.py" />
      <source>It is a catalog of files, which cannot be searched.</source>
      <translation>Es un catálogo de archivos, en el que no se puede buscar.</translation>
    </message>
    <message>
      <location filename="../stac_import.py" />
      <source>Its user name and password are not taken, as they are not encrypted: log in.</source>
      <translation>Su nombre de usuario y contraseña no se importan, porque no están cifrados: inicie sesión.</translation>
    </message>
    <message>
      <location filename="../stac_import.py" />
      <source>Its HTTP headers are not taken.</source>
      <translation>Sus cabeceras HTTP no se importan.</translation>
    </message>
    <message>
      <location filename="../stac_import.py" />
      <source>It is the connection {name} already.</source>
      <translation>Ya es la conexión {name}.</translation>
    </message>
    <message>
      <location filename="../stac_import_dialog.py" />
      <source>Import QGIS's STAC connections</source>
      <translation>Importar las conexiones STAC de QGIS</translation>
    </message>
    <message>
      <location filename="../stac_import_dialog.py" />
      <source>Authentication that QGIS has stored is referred to, not copied.</source>
      <translation>A la autenticación guardada en QGIS se hace referencia; no se copia.</translation>
    </message>
    <message>
      <location filename="../stac_import_dialog.py" />
      <source>QGIS has no STAC connections of its own; they come with QGIS 3.40.</source>
      <translation>QGIS no tiene conexiones STAC propias; existen desde QGIS 3.40.</translation>
    </message>
    <message>
      <location filename="../stac_import_dialog.py" />
      <source>Remarks</source>
      <translation>Observaciones</translation>
    </message>
    <message>
      <location filename="../stac_import_dialog.py" />
      <source>New connections: {names}.</source>
      <translation>Conexiones nuevas: {names}.</translation>
    </message>
    <message>
      <location filename="../stored_keys.py" />
      <source>The key was not stored: no master password was entered.</source>
      <translation>La clave no se guardó: no se introdujo la contraseña maestra.</translation>
    </message>
    <message>
      <location filename="../stored_keys.py" />
      <source>QGIS's authentication manager is disabled: {why}</source>
      <translation>El gestor de autenticación de QGIS está desactivado: {why}</translation>
    </message>
    <message>
      <location filename="../stored_keys.py" />
      <source>The key for {name} is locked: open a search with it once, and enter the master password.</source>
      <translation>La clave de {name} está bloqueada: abra una vez una búsqueda con ella e introduzca la contraseña maestra.</translation>
    </message>
    <message>
      <location filename="../stored_keys.py" />
      <source>The key for {name} cannot be read: log in again.</source>
      <translation>La clave de {name} no se puede leer: inicie sesión de nuevo.</translation>
    </message>
    <message>
      <location filename="../stored_keys.py" />
      <source>The stored authentication {title} cannot be used: choose one of {methods}.</source>
      <translation>La autenticación guardada {title} no se puede usar: elija una de {methods}.</translation>
    </message>
    <message>
      <location filename="../style.py" />
      <source>Filled</source>
      <translation>Relleno</translation>
    </message>
    <message>
      <location filename="../style.py" />
      <source>Outlines</source>
      <translation>Contornos</translation>
    </message>
    <message>
      <location filename="../style.py" />
      <source>{low:g} to {high:g} % cloud</source>
      <translation>{low:g} a {high:g} % de nubes</translation>
    </message>
    <message>
      <location filename="../swipe.py" />
      <source>Day or layer shown right of the line</source>
      <translation>Día o capa que se muestra a la derecha de la línea</translation>
    </message>
    <message>
      <location filename="../swipe.py" />
      <source>End the comparison</source>
      <translation>Terminar la comparación</translation>
    </message>
    <message>
      <location filename="../swipe.py" />
      <source>Line between the two dates</source>
      <translation>Línea entre las dos fechas</translation>
    </message>
    <message>
      <location filename="../swipe.py" />
      <source>Drag the line, or use the arrow keys; Esc ends the comparison</source>
      <translation>Arrastre la línea, o use las teclas de flecha; Esc termina la comparación</translation>
    </message>
    <message>
      <location filename="../thumbnails.py" />
      <source>The service returned a thumbnail that cannot be shown.</source>
      <translation>El servicio devolvió una miniatura que no se puede mostrar.</translation>
    </message>
    <message>
      <location filename="../thumbnails.py" />
      <source>Thumbnail of {scene}</source>
      <translation>Miniatura de {scene}</translation>
    </message>
    <message>
      <location filename="../time_slider.py" />
      <source>One day</source>
      <translation>Un día</translation>
    </message>
    <message>
      <location filename="../time_slider.py" />
      <source>Show the imagery of one day at a time, through the temporal controller of QGIS</source>
      <translation>Mostrar las imágenes de un solo día, con el controlador temporal de QGIS</translation>
    </message>
    <message>
      <location filename="../time_slider.py" />
      <source>Day shown on the map: drag it, or use the arrow keys, Home and End</source>
      <translation>Día que muestra el mapa: arrastre, o use las teclas de flecha, Inicio y Fin</translation>
    </message>
    <message>
      <location filename="../time_slider.py" />
      <source>Day shown on the map</source>
      <translation>Día que muestra el mapa</translation>
    </message>
    <message>
      <location filename="../time_slider.py" />
      <source>Previous day with imagery</source>
      <translation>Día anterior con imágenes</translation>
    </message>
    <message>
      <location filename="../time_slider.py" />
      <source>Next day with imagery</source>
      <translation>Día siguiente con imágenes</translation>
    </message>
    <message>
      <location filename="../time_slider.py" />
      <source>Compare two dates or layers side by side</source>
      <translation>Comparar dos fechas o capas una junto a otra</translation>
    </message>
    <message>
      <location filename="../time_slider.py" />
      <source>Compare two dates or layers left and right of a line</source>
      <translation>Comparar dos fechas o capas a la izquierda y a la derecha de una línea</translation>
    </message>
    <message>
      <location filename="../time_slider.py" />
      <source>Swipe</source>
      <translation>Deslizar</translation>
    </message>
    <message>
      <location filename="../time_slider.py" />
      <source>Imagery of {count} days</source>
      <translation>Imágenes de {count} días</translation>
    </message>
    <message>
      <location filename="../time_slider.py" />
      <source>{day} ({number} of {count})</source>
      <translation>{day} ({number} de {count})</translation>
    </message>
    <message>
      <location filename="../time_slider.py" />
      <source>{day}: no imagery</source>
      <translation>{day}: sin imágenes</translation>
    </message>
  </context>
</TS>
