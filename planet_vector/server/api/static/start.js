"use strict";
// Map of an archive: footprints of the scenes in view, filtered by type, date and cloud cover, and a list of them.
// If the service requires a key, the page keeps it in memory only and sends it in a header.

const MOST = 300;  // scenes per page, all of which are drawn
const LISTED = 50;  // entries added to the list at once
const USUAL = {color: "#0b5c92", weight: 1.5, fillOpacity: 0.05}, OPEN = {color: "#a3400a", weight: 3, fillOpacity: 0.25};
const DOT = 14;  // pixels: minimum size at which small footprints are drawn and can be clicked
const $ = (id) => document.getElementById(id);
const map = L.map("map", {worldCopyJump: true, attributionControl: false, zoomControl: false}).setView([20, 0], 2);
L.control.zoom({position: "bottomright"}).addTo(map);  // popups open upwards and would cover it at the top
const footprints = L.geoJSON(null, {style: USUAL, onEachFeature: bind}).addTo(map);
const layers = new Map();  // by id
const NOTHING = {count: 0, total: 0, features: [], next: null, listed: 0};
let found = {...NOTHING};
let asked = 0, key = "", opened = null;

graticule();
if (matchMedia("(max-width: 700px)").matches) $("filters").open = false;
for (const id of ["type", "since", "until", "cloud"]) $(id).addEventListener("change", show);
$("cloud").addEventListener("input", () => { $("cloud-shown").value = $("cloud").value; });
$("panel").addEventListener("submit", (event) => { event.preventDefault(); if ($("key").value !== key) start(); });
$("key").addEventListener("change", start);
$("more").addEventListener("click", more);
$("all").addEventListener("click", () => map.setView([20, 0], map.getBoundsZoom([[-60, -180], [75, 180]]), {animate: false}));
$("clients").addEventListener("toggle", () => { if ($("clients").open) showRecipes(get, $("recipes")); });
document.addEventListener("keydown", (event) => { if (event.key === "Escape") map.closePopup(); });
map.on("moveend", show);
map.on("zoomend", () => { for (const [id, layer] of layers) layer.setStyle(style(id, layer)); });
start();

async function get(path) {
  const headers = {"X-Requested-With": "XMLHttpRequest"};
  if (key) headers.Authorization = "api-key " + key;
  try {
    return await fetch(path, {headers});
  } catch {
    return new Response('{"message": "The service does not answer."}', {status: 503});
  }
}

async function start() {
  key = $("key").value;
  const answer = await get("/v0/scenes/");
  $("key-field").hidden = answer.status !== 401 && !key;
  if (!answer.ok) return failed(answer);
  const types = Object.keys(await answer.json());
  if ([...$("type").options].map((option) => option.value).join() !== types.join()) {
    $("type").replaceChildren(...types.map((name) => new Option(name)));
    let most = -1;
    for (const name of types) {
      const page = await (await get(`/v0/scenes/${name}/?count=50`)).json();
      if (page.count > most) { most = page.count; $("type").value = name; fit(page.features); }
    }
  }
  return show();
}

// Fit most scenes: a single one on the other side of the globe would reduce all others to a dot.
function fit(scenes) {
  const boxes = scenes.filter((scene) => scene.geometry).map((scene) => L.geoJSON(scene).getBounds());
  const middle = (values) => values.sort((a, b) => a - b)[values.length >> 1];
  const lat = middle(boxes.map((box) => box.getCenter().lat)), lng = middle(boxes.map((box) => box.getCenter().lng));
  const near = boxes.filter((box) => Math.hypot(box.getCenter().lat - lat, box.getCenter().lng - lng) < 20);
  const bounds = L.latLngBounds([]);
  for (const box of near.length > boxes.length / 2 ? near : boxes) bounds.extend(box);
  if (bounds.isValid()) map.fitBounds(bounds.pad(0.1), {animate: false});
}

async function show() {
  const turn = ++asked;
  if (!$("type").value) return;
  const query = new URLSearchParams();
  if ($("since").value) query.append("acquired.gte", $("since").value);
  if ($("until").value) query.append("acquired.lte", $("until").value + "T23:59:59.999999Z");
  if ($("cloud").value < 100) query.append("cloud_cover.estimated.lte", $("cloud").value);
  const box = map.getBounds(), path = `/v0/scenes/${$("type").value}/?`;
  const everywhere = get(`${path}${query}&count=1`);
  if (box.getEast() - box.getWest() < 360) query.append("intersects", wkt(box));
  const answers = [await get(`${path}${query}&count=${MOST}`), await everywhere];
  if (turn !== asked) return;
  for (const answer of answers) if (!answer.ok) return failed(answer);
  const [page, whole] = await Promise.all(answers.map((answer) => answer.json()));
  if (turn !== asked) return;
  const listed = Math.max(LISTED, Math.min(found.listed, page.features.length)), focused = document.activeElement.dataset.scene;
  found = {count: page.count, total: whole.count, features: page.features, next: page.links.next, listed};
  draw();
  $("scenes").replaceChildren(...found.features.slice(0, listed).map(entry));
  for (const button of $("scenes").querySelectorAll("button")) {
    if (button.dataset.scene === focused) button.focus({preventScroll: true});
  }
  say();
}

// Keep footprints that are already drawn: opening a popup moves the map, and removing its footprint would close it.
function draw() {
  const wanted = new Set(found.features.map((scene) => scene.id));
  for (const [id, layer] of layers) {
    if (!wanted.has(id) && id !== opened) { footprints.removeLayer(layer); layers.delete(id); }
  }
  footprints.addData(found.features.filter((scene) => scene.geometry && !layers.has(scene.id)));
}

async function more() {
  const turn = asked;
  if (found.listed >= found.features.length && found.next) {
    const link = new URL(found.next), answer = await get(link.pathname + link.search);
    if (turn !== asked) return;
    if (!answer.ok) return failed(answer);
    const page = await answer.json();
    if (turn !== asked) return;
    found.features.push(...page.features);
    found.next = page.links.next;
    draw();
  }
  const added = found.features.slice(found.listed, found.listed + LISTED).map(entry);
  found.listed += added.length;
  $("scenes").append(...added);
  if (added.length) added[0].firstChild.focus();
  say();
}

function say() {
  const listed = Math.min(found.listed, found.features.length), next = Math.min(LISTED, found.count - listed);
  const drawn = found.features.length < found.count ? `, the newest ${found.features.length} on the map` : "";
  const others = found.total > found.count ? `, of ${found.total} in all` : "";
  tell(`${found.count} ${found.count === 1 ? "scene" : "scenes"} here${others}${drawn}`);
  $("all").hidden = !others;
  $("rest").hidden = next <= 0;
  $("listed").textContent = `${listed} of ${found.count} listed.`;
  $("more").textContent = `List ${next} more`;
}

async function failed(answer) {
  found = {...NOTHING};
  draw();
  $("scenes").replaceChildren();
  $("rest").hidden = $("all").hidden = true;
  tell((await answer.json().catch(() => ({message: `The service answers ${answer.status}.`}))).message);
}

function wkt(box) {
  const [w, e] = [box.getWest(), box.getEast()].map((x) => x.toFixed(6));
  const [s, n] = [box.getSouth(), box.getNorth()].map((y) => Math.max(-90, Math.min(90, y)).toFixed(6));
  return `POLYGON((${w} ${s},${e} ${s},${e} ${n},${w} ${n},${w} ${s}))`;
}

function tell(text) { $("told").textContent = text; }

function entry(scene) {
  const item = document.createElement("li"), button = document.createElement("button"), id = document.createElement("span");
  button.type = "button";
  button.dataset.scene = scene.id;
  button.textContent = `${time(scene, 16)}${cloud(scene)}`;
  id.className = "id";
  id.textContent = scene.id;
  if (scene.id === opened) button.setAttribute("aria-current", "true");
  button.addEventListener("click", () => {
    const layer = layers.get(scene.id);
    if (!layer) return tell(`${scene.id} has no footprint.`);
    map.fitBounds(layer.getBounds().pad(1), {animate: false});
    layer.openPopup();
  });
  button.append(id);
  item.append(button);
  return item;
}

function time(scene, characters) { return scene.properties.acquired.slice(0, characters).replace("T", " "); }

function cloud(scene) {
  const estimated = scene.properties.cloud_cover && scene.properties.cloud_cover.estimated;
  return typeof estimated === "number" ? `  cloud ${+estimated.toFixed(1)} %` : "";
}

function style(id, layer) {
  const usual = id === opened ? OPEN : USUAL, box = layer.getBounds();
  // Use the height: a scene across the antimeridian has two parts, which together are as wide as the map.
  const height = map.latLngToLayerPoint(box.getSouthEast()).y - map.latLngToLayerPoint(box.getNorthWest()).y;
  return {...usual, weight: Math.max(usual.weight, DOT - height)};
}

function bind(scene, layer) {
  layers.set(scene.id, layer);
  layer.setStyle(style(scene.id, layer));
  layer.bindPopup(() => popup(scene), {maxWidth: 260, autoPanPadding: [12, 12]});
  layer.on("popupopen", () => { opened = scene.id; layer.setStyle(style(scene.id, layer)).bringToFront(); mark(); });
  layer.on("popupclose", () => { if (opened === scene.id) opened = null; layer.setStyle(style(scene.id, layer)); mark(); });
}

function mark() {
  for (const button of $("scenes").querySelectorAll("button")) {
    if (button.dataset.scene === opened) button.setAttribute("aria-current", "true");
    else button.removeAttribute("aria-current");
  }
}

function popup(scene) {
  const [box, frame, text] = ["div", "div", "div"].map((name) => document.createElement(name));
  box.className = "scene";
  frame.className = "picture";
  const products = Object.keys((scene.properties.data && scene.properties.data.products) || {});
  text.innerText = [scene.id, `${time(scene, 19)} UTC`, cloud(scene).trim(), products.join(", ")].filter(Boolean).join("\n");
  get(new URL(scene.properties.links.thumbnail).pathname).then(async (answer) => {
    const content = await answer.blob();  // read errors, too: an unread response keeps its connection busy
    if (!answer.ok) { frame.textContent = "There is no picture."; return; }
    const picture = document.createElement("img");
    picture.alt = `Picture of ${scene.id}`;
    picture.addEventListener("load", () => URL.revokeObjectURL(picture.src), {once: true});
    picture.src = URL.createObjectURL(content);
    frame.append(picture);
  });
  box.append(frame, text);
  return box;
}

function graticule() {
  const style = {color: "#b9c7cd", weight: 0.5, interactive: false};
  for (let lon = -180; lon <= 180; lon += 30) L.polyline([[-85, lon], [85, lon]], style).addTo(map);
  for (let lat = -60; lat <= 60; lat += 30) L.polyline([[lat, -180], [lat, 180]], style).addTo(map);
}
