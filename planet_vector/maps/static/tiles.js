// Tiles of scenes and basemaps. Of a scene only those are asked for that its footprint reaches.

const SIDE = 256;  // pixels of a tile
const LEAST = 32;  // pixels of a scene; of a smaller one there is nothing to see

const Tiles = L.TileLayer.extend({
  createTile(place, done) {
    if (!this.options.polygons || reaches(this.options.polygons, place)) return L.TileLayer.prototype.createTile.call(this, place, done);
    const empty = document.createElement("div");
    setTimeout(() => done(null, empty), 0);
    return empty;
  },
});

function tilesOf(scene, pane) {
  return watched(new Tiles(scene.tiles, {
    pane, polygons: scene.polygons, maxNativeZoom: scene.level, minZoom: zoomAt(scene, LEAST), maxZoom: DEEPEST,
    zIndex: 1000 + data.scenes.length - scene.number,
  }));
}

function tilesOfBasemap(basemap) {
  const [west, south, east, north] = basemap.bounds || [];
  return watched(new Tiles(basemap.tiles, {
    subdomains: basemap.hosts || "a", maxNativeZoom: basemap.level, maxZoom: DEEPEST, zIndex: 100,
    bounds: basemap.bounds ? [[south, west], [north, east]] : undefined,
  }));
}

// Say so when the service gives none of the tiles in view: one by one they may be missing, as beside a scene.
function watched(layer) {
  let given = 0, failed = 0;
  layer.on("loading", () => { given = failed = 0; });
  layer.on("tileload", (event) => { if (event.tile.src) given++; });
  layer.on("tileerror", () => { failed++; });
  layer.on("load", () => {
    if (!given && failed) {
      tell(data.served
        ? `${data.service} gave no tiles here: planet-vector says why, in its terminal.`
        : `${data.service} gave no tiles here: it has none, cannot be reached, or asks for a key, which is not in this file. ` +
          "planet-vector map … --serve shows them with your key.");
    }
  });
  return layer;
}

// Return the zoom from which on a scene is so many pixels wide or high.
function zoomAt(scene, pixels) {
  return Math.max(0, Math.min(scene.level, Math.ceil(Math.log2(pixels / sizeOf(scene, 0)))));
}

// Return the pixels a scene is wide or high at a zoom, whichever are more.
function sizeOf(scene, zoom) {
  const box = footprints[scene.number].getBounds();
  const size = map.project(box.getSouthEast(), zoom).subtract(map.project(box.getNorthWest(), zoom));
  return Math.max(size.x, size.y, 1e-9);
}

function reaches(polygons, {x, y, z}) {
  const around = SIDE * 2 ** z;
  return polygons.some((rings) => [-around, 0, around].some((turn) => {
    const box = L.bounds([x * SIDE - turn + 1, y * SIDE + 1], [(x + 1) * SIDE - turn - 1, (y + 1) * SIDE - 1]);
    const ring = rings[0].map(([lon, lat]) => map.project([lat, lon], z));
    return L.PolyUtil.clipPolygon(ring, box).length > 0;
  }));
}
