"use strict";
// Recipes for other programs: the address of each API, and up to three lines for each client, both with a button to copy.
// The names in them are those of this archive. A key is written as KEY, never as it is.

// Item types that Planet's SDK and GDAL's PLScenes know; they take no others.
const PLANET = /^(PSScene|SkySat(Scene|Collect|Video)|RE(OrthoTile|Scene)|Tanager(Scene|Methane)|Landsat8L1G|Sentinel2L1C)$/;

async function showRecipes(get, place) {
  const answers = await Promise.all([
    get("/v0/scenes/"), get("/stac/collections"), get("/data/v1/item-types"), get("/v0/mosaics/"),
  ]);
  const [types, stac, items, mosaics] = await Promise.all(answers.map((answer) => answer.ok ? answer.json() : {}));
  // Not the first, but the one with most scenes: the description begins with their number.
  const most = (stac.collections || []).sort((a, b) => parseInt(b.description) - parseInt(a.description))[0];
  const names = {
    type: Object.keys(types).includes($("type").value) ? $("type").value : Object.keys(types)[0] || "ortho",
    collection: most ? most.id : "ortho",
    item: (items.item_types || []).map((each) => each.id).find((id) => PLANET.test(id)),
    basemap: ((mosaics.mosaics || [])[0] || {}).name,
    asset: rasterOf((most && most.item_assets) || {}),
    keyed: !$("key-field").hidden,
  };
  place.replaceChildren(...recipes(names).flatMap(section));
}

// The asset to open: not metadata, nor a thumbnail.
function rasterOf(assets) {
  const names = Object.keys(assets).filter((name) => /tiff|jp2/.test(assets[name].type));
  return names.includes("visual") ? "visual" : names[0];
}

function recipes({type, collection, item, basemap, asset, keyed}) {
  const root = location.origin;
  const header = keyed ? "export GDAL_HTTP_HEADERS='Authorization: api-key KEY'\n" : "";
  const login = keyed ? "\nAuthentication: Basic, user name KEY" : "";
  const any = keyed ? "KEY" : "any";
  const parameter = keyed ? "?api_key=KEY" : "";
  const tiles = `${root}/tiles/collections/${encodeURIComponent(basemap || type)}`;
  const template = `${tiles}/map/tiles/WebMercatorQuad/{z}/{y}/{x}${parameter}`;
  // The addresses of tiles in TileJSON have no key.
  const source = keyed ? `tiles: ["${template}"]` : `url: "${tiles}/tilejson.json"`;
  const found = [
    ["STAC API", `${root}/stac/`, [
      ["QGIS 3.40 or later", `Layer > Data Source Manager > STAC > New\nURL: ${root}/stac/${login}`],
      ["Python: pystac-client", `from pystac_client import Client
client = Client.open("${root}/stac/"${keyed ? ', headers={"Authorization": "api-key KEY"}' : ""})
items = client.search(filter="eo:cloud_cover < 10").item_collection()`],
      ...(asset ? [["GDAL 3.10 or later: items as a raster", `${header}gdalinfo ${quoted(`STACIT:"${root}/stac/search?collections=${encodeURIComponent(collection)}":asset=${asset}`)}`]] : []),
    ]],
    ["OGC API Features", `${root}/features/`, [
      ["QGIS", `Layer > Data Source Manager > WFS / OGC API - Features > New\nURL: ${root}/features/${login}`],
      // GDAL 3.13 has no definition of a layer of OAPIF that it copies by its name. Footprints across the antimeridian have
      // several parts, which a layer of polygons should not have.
      ["GDAL", `${header}ogr2ogr scenes.gpkg OAPIF:${root}/features/ -nlt PROMOTE_TO_MULTI -nln ${quoted(collection)} -sql ${quoted(`SELECT * FROM "${collection.replaceAll('"', '\\"')}"`)}`],
    ]],
    ["OGC API Tiles, TileJSON", `${root}/tiles/`, [
      ["QGIS, XYZ tiles", `Browser > XYZ Tiles > New Connection\nURL: ${template}`],
      ["Web maps: Leaflet", `L.tileLayer("${template}").addTo(map);`],
      ["Web maps: MapLibre", `{type: "raster", tileSize: 256, ${source}}`],
    ]],
    ["Data API v1", `${root}/data/v1/`, [
      ...(item ? [["Planet SDK", `export PL_API_KEY=${any}
planet data filter --range cloud_cover lt 0.1 > filter.json
planet data --base-url ${root}/data/v1 search ${item} --filter filter.json`],
      ["GDAL: PLScenes", `export PL_URL=${root}/data/v1/ PL_API_KEY=${any}\nogrinfo PLScenes: ${item}`]] : []),
      ["planet-vector, QGIS with its plugin", `planet-vector connections add archive ${root}/data/v1/`],
    ]],
    ["Scenes API v0", `${root}/v0/`, [
      ["GDAL, with planet-vector", `export PL_API_URL=${root}/v0/${keyed ? " PL_API_KEY=KEY" : ""}
eval "$(planet-vector env)"
ogr2ogr scenes.gpkg ${quoted(`PLANET:${encodeURIComponent(type)}`)}`],
    ]],
  ];
  if (basemap) {
    found.splice(4, 0, ["Basemaps API v1", `${root}/basemaps/v1/`, [
      ["Planet SDK", `export PL_API_KEY=${any}\nplanet mosaics --base-url ${root}/basemaps/v1 list`],
      ["GDAL: PLMosaic", `export PL_URL=${root}/basemaps/v1/mosaics PL_API_KEY=${any}\ngdalinfo ${quoted(`PLMosaic:mosaic=${basemap}`)}`],
    ]]);
  }
  return found;
}

// A name as a word of a shell.
function quoted(name) { return /^[\w.:=-]+$/.test(name) ? name : `'${name.replaceAll("'", "'\\''")}'`; }

function section([title, address, clients]) {
  const head = document.createElement("h2"), code = document.createElement("code"), line = document.createElement("p");
  head.textContent = title;
  code.textContent = address;
  line.append(code, copier(address, `the address of ${title}`));
  return [head, line, ...clients.flatMap(([client, text]) => {
    const name = document.createElement("p"), lines = document.createElement("pre");
    name.className = "client";
    name.append(client, copier(text, `the recipe for ${client}`));
    lines.textContent = text;
    return [name, lines];
  })];
}

function copier(text, what) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "copy";
  button.textContent = "Copy";
  button.setAttribute("aria-label", `Copy ${what}`);
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Not permitted";  // pages without TLS on other hosts have no clipboard
    }
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  });
  return button;
}
