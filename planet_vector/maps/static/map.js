// The map itself: footprints, what is shown of them, and the one that is selected.

const $ = (id) => document.getElementById(id);
const DEEPEST = 20;  // zoom
const DOT = 9;  // pixels; a footprint that would be smaller is a dot of this size
const CELL = 10;  // degrees; groups of scenes with more between them are apart
const MANY = 0.8;  // share of the scenes that the map is fitted to, if the others are far away
const SMALL = 48;  // pixels; a scene that is smaller is gone to when it is chosen
const data = JSON.parse($("data").textContent);
data.scenes.forEach((scene, number) => { scene.number = number; });

const map = L.map("map", {maxZoom: DEEPEST, attributionControl: false, zoomSnap: 0.5, zoomAnimation: !matchMedia("(prefers-reduced-motion: reduce)").matches});
const tilesShown = new Map();  // by scene
const basemapsShown = new Set();
let selected = null, told = 0;

map.createPane("selected").style.zIndex = 420;  // over footprints
const highlight = L.featureGroup([], {pane: "selected"}).addTo(map);
const footprints = data.scenes.map(footprint);
const items = data.scenes.map((scene) => entry(scene, (one) => select(one, [one], true), point));
$("list").append(...items);
walkByKeys($("list"));
startComparing(tilesShown);
$("copy-all").addEventListener("click", () => copy(data.scenes.filter(isShown).map(({name, id}) => name || id).join("\n")));
$("save").addEventListener("click", () => save(data.scenes.filter(isShown)));
addEventListener("beforeprint", () => map.invalidateSize({animate: false}));
const range = timeRange(data.scenes.map(({time}) => time).filter((time) => time !== null), show);

$("cloud").addEventListener("input", show);
$("filters").addEventListener("submit", (event) => event.preventDefault());
$("filters").addEventListener("reset", () => setTimeout(() => { range.reset(); show(); }, 0));
document.addEventListener("keydown", (event) => { if (event.key === "Escape") select(null); });
map.on("click", () => select(null));

// The areas that were searched: a dashed line with a light rim, which takes no clicks.
map.createPane("areas").style.zIndex = 410;
map.getPane("areas").style.pointerEvents = "none";
const areas = L.featureGroup(["under", "over"].map((part) => L.geoJSON(data.areas, {
  pane: "areas", interactive: false, className: "area", style: {className: `area ${part}`, fill: false, weight: part === "over" ? 2 : 5},
  pointToLayer: (_, place) => L.circleMarker(place, {pane: "areas", radius: 7}),
}))).addTo(map);

if (data.background) L.tileLayer(data.background.url, {maxZoom: DEEPEST, maxNativeZoom: 18, zIndex: 1}).addTo(map);
L.control.scale({imperial: false, maxWidth: 120}).addTo(map);
addFit();
addCredits();
fit(true);
for (const one of [...footprints].reverse()) if (one) one.addTo(map);  // the newest on top
restyle();
map.on("zoomend", restyle);
addGraticule(map);
for (const basemap of data.basemaps) addBasemap(basemap);
$("names").append(...data.names.map((name) => element("li", {}, element("code", {textContent: name}))));
if (!data.scenes.length) for (const id of ["filters", "all", "order", "list"]) $(id).hidden = true;
if (data.leftOut) $("footer").textContent = `${data.leftOut} of ${data.scenes.length} thumbnails are not in this file.`;
show();

function positions(scene) {
  return scene.polygons.map((rings) => rings.map((ring) => ring.map(([lon, lat]) => [lat, lon])));
}

function style(scene) {
  const kind = classOf(scene.cloud);
  const size = sizeOf(scene, map.getZoom()), weight = Math.max(1.5, DOT - size);
  const bare = tilesShown.size > 0 || basemapsShown.size > 0;  // fills would hide what lies under them
  return {
    weight, opacity: bare ? 0.7 : 1, dashArray: kind.unknown && size > DOT ? "4 3" : null,
    fillOpacity: bare ? 0 : Math.max(0.04, Math.min(0.14, 2.5 / data.scenes.length)),  // the more, the thinner
  };
}

function footprint(scene) {
  if (!scene.polygons.length) return null;
  const layer = L.polygon(positions(scene), {className: `footprint ${classOf(scene.cloud).name}`, bubblingMouseEvents: false, lineJoin: "round"});
  layer.on("click", (event) => {
    const around = data.scenes.filter((one) => isShown(one) && isAt(one, event.latlng));
    select(scene, around.includes(scene) ? around : [scene], isDot(scene));
  });
  layer.on("mouseover", () => point(scene, true));
  layer.on("mouseout", () => point(scene, false));
  layer.bindTooltip(() => element("span", {textContent: `${moment(scene.time, "minute")} · ${cloudText(scene.cloud)}`}), {sticky: true, direction: "top"});
  return layer;
}

function isDot(scene) {
  return sizeOf(scene, map.getZoom()) < DOT;
}

// Tell whether a scene is drawn at a place: its ground, or its dot.
function isAt(scene, place) {
  if (!footprints[scene.number]) return false;
  if (!isDot(scene)) return scene.polygons.some((rings) => holds(rings, place));
  const middle = footprints[scene.number].getBounds().getCenter();
  return map.latLngToContainerPoint(middle).distanceTo(map.latLngToContainerPoint(place)) < DOT;
}

// Tell whether a polygon holds a place: on a line from it to the east, an odd number of edges is crossed.
function holds(rings, {lat, lng}) {
  let inside = false;
  for (const ring of rings) {
    for (let n = 1; n < ring.length; n++) {
      const [[x0, y0], [x1, y1]] = [ring[n - 1], ring[n]];
      if (y0 > lat !== y1 > lat && lng < x0 + (lat - y0) / (y1 - y0) * (x1 - x0)) inside = !inside;
    }
  }
  return inside;
}

function restyle() {
  for (const scene of data.scenes) if (footprints[scene.number]) footprints[scene.number].setStyle(style(scene));
}

function isShown(scene) {
  const most = Number($("cloud").value);
  return range.holds(scene.time) && (scene.cloud === null ? most === 100 : scene.cloud <= most || most === 100);
}

function show() {
  const shown = data.scenes.filter(isShown);
  $("cloud-told").value = `${$("cloud").value} %`;
  for (const scene of data.scenes) {
    const is = isShown(scene), layer = footprints[scene.number];
    items[scene.number].hidden = !is;
    if (layer) layer.getElement().style.display = is ? "" : "none";
    const tiles = tilesShown.get(scene);
    if (tiles) is ? tiles.addTo(map) : tiles.remove();
  }
  arrange(tilesShown);
  $("copy-all").textContent = `Copy ${shown.length} name${shown.length === 1 ? "" : "s"}`;
  for (const id of ["copy-all", "save"]) $(id).disabled = !shown.length;
  const all = data.scenes.length, scenes = all === 1 ? "scene" : "scenes";
  $("count").value = !all && data.basemaps.length ? `${data.basemaps.length} basemap${data.basemaps.length > 1 ? "s" : ""}`
    : shown.length === all ? `${all} ${scenes}` : `${shown.length} of ${all} ${scenes}`;
  $("reset").hidden = shown.length === all;
  drawLegend(shown);
  if (selected && !isShown(selected)) select(null);
}

function point(scene, over) {
  items[scene.number].classList.toggle("over", over);
  const layer = footprints[scene.number];
  if (layer) layer.setStyle(over ? {weight: Math.max(3.5, style(scene).weight)} : style(scene));
}

// Select a scene, or none; `around` are the scenes at the place that was clicked, this one among them.
function select(scene, around = [scene], go = false) {
  if (selected) {
    const item = items[selected.number];
    item.classList.remove("current");
    item.querySelector(".scene").removeAttribute("aria-current");
    if (!scene && $("details").contains(document.activeElement)) item.querySelector(".scene").focus({preventScroll: true});
  }
  highlight.clearLayers();
  selected = scene;
  $("details").hidden = !scene;
  if (!scene) return;
  const item = items[scene.number];
  item.classList.add("current");
  item.querySelector(".scene").setAttribute("aria-current", "true");
  item.scrollIntoView({block: "nearest"});
  for (const [color, weight] of [["#ffffff", 7], ["#000000", 3]]) {
    L.polygon(positions(scene), {pane: "selected", interactive: false, fill: false, color, weight, lineJoin: "round"}).addTo(highlight);
  }
  showDetails(scene, around);
  if (go) goTo(scene);
}

// Move the map where a scene is not in view, or too small to see.
function goTo(scene) {
  if (!footprints[scene.number]) return;
  const bounds = footprints[scene.number].getBounds(), small = sizeOf(scene, map.getZoom()) < SMALL;
  const view = L.bounds([0, 0], map.getSize().subtract(covered()));
  const place = L.bounds(map.latLngToContainerPoint(bounds.getNorthWest()), map.latLngToContainerPoint(bounds.getSouthEast()));
  if (small || !view.contains(place)) {
    goToBounds(bounds, small ? DEEPEST : map.getZoom());
  }
}

function goToBounds(bounds, maxZoom) {
  map.fitBounds(bounds, {paddingTopLeft: [28, 28], paddingBottomRight: covered().add([28, 28]), maxZoom});
}

// Return the pixels of the map that the details cover: a strip on the right, or the lower part of a narrow screen.
function covered() {
  if ($("details").hidden) return L.point(0, 0);
  const sheet = map.getContainer().getBoundingClientRect(), box = $("details").getBoundingClientRect();
  return box.width < 0.8 * sheet.width
    ? L.point(Math.max(0, sheet.right - box.left), 0) : L.point(0, Math.max(0, sheet.bottom - box.top));
}

function toggleTiles(scene) {
  const there = tilesShown.get(scene);
  if (there) {
    there.remove();
    tilesShown.delete(scene);
  } else {
    goTo(scene);
    tilesShown.set(scene, pictureOf(scene, "pictures").addTo(map));
  }
  arrange(tilesShown);
  restyle();
  tellTiles(scene);
}

function addBasemap(basemap) {
  const layer = tilesOfBasemap(basemap), box = element("input", {type: "checkbox", checked: true});
  const toggle = () => {
    box.checked ? basemapsShown.add(layer.addTo(map)) : basemapsShown.delete(layer.remove());
    restyle();
  };
  box.addEventListener("change", toggle);
  $("basemaps").append(element("label", {}, box, element("code", {textContent: basemap.name})));
  $("basemaps").hidden = false;
  toggle();
}

// Fit the map to what is shown; at first without a few scenes far from the others, beside which those would be dots.
function fit(first = false) {
  const bounds = L.latLngBounds([]), shown = data.scenes.filter((scene) => isShown(scene) && footprints[scene.number]);
  const many = first ? withoutFar(shown) : shown;
  if (many.length < shown.length) tell(`${shown.length - many.length} of ${shown.length} scenes lie elsewhere: ⤢ shows all.`);
  for (const scene of many) bounds.extend(footprints[scene.number].getBounds());
  for (const {bounds: box} of data.basemaps) if (box) bounds.extend([[box[1], box[0]], [box[3], box[2]]]);
  if (!bounds.isValid()) bounds.extend(areas.getBounds());
  if (bounds.isValid()) goToBounds(bounds, 16);
  else map.setView([20, 0], 2);
}

// Return the scenes without those far from most of them: in a grid of the globe, the fullest group of touching cells.
function withoutFar(scenes) {
  const cells = new Map(), key = ({lat, lng}) => [Math.floor(lng / CELL), Math.floor(lat / CELL)];
  for (const scene of scenes) {
    const cell = String(key(footprints[scene.number].getBounds().getCenter()));
    cells.set(cell, [...(cells.get(cell) || []), scene]);
  }
  let most = [];
  while (cells.size) {
    const group = [], next = [cells.keys().next().value];
    while (next.length) {
      const cell = next.pop(), here = cells.get(cell);
      if (!here) continue;
      cells.delete(cell);
      group.push(...here);
      const [x, y] = cell.split(",").map(Number);
      for (let n = 0; n < 9; n++) next.push(String([x + n % 3 - 1, y + Math.floor(n / 3) - 1]));
    }
    if (group.length > most.length) most = group;
  }
  return most.length >= MANY * scenes.length ? most : scenes;
}

function addFit() {
  const control = L.control({position: "topleft"});
  control.onAdd = () => {
    const button = element("a", {className: "fit", href: "#", title: "Zoom to all", textContent: "⤢"});
    button.setAttribute("role", "button");
    button.setAttribute("aria-label", "Zoom to all");
    L.DomEvent.disableClickPropagation(button);
    button.addEventListener("click", (event) => { event.preventDefault(); fit(); });
    return element("div", {className: "leaflet-bar"}, button);
  };
  control.addTo(map);
}

function addCredits() {
  const credits = L.control({position: "bottomright"});
  credits.onAdd = () => element("div", {className: "credits",
    textContent: ["Leaflet", data.background && data.background.attribution, `imagery: ${data.service}`].filter(Boolean).join(" · ")});
  credits.addTo(map);
}

// Tell something for some seconds.
function tell(text) {
  $("told").textContent = text;
  $("told").hidden = false;
  clearTimeout(told);
  told = setTimeout(() => { $("told").hidden = true; }, 12000);
}
