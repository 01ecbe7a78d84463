"use strict";
// The map of an archive: footprints of the scenes in view, filtered by type, date and cloud.
// The key, where one is needed, lives in this page only, and goes into a header.

const MOST = 300;
const $ = (id) => document.getElementById(id);
const map = L.map("map", {worldCopyJump: true, attributionControl: false}).setView([20, 0], 2);
const footprints = L.geoJSON(null, {
  style: {color: "#0b5c92", weight: 1.5, fillOpacity: 0.15},
  onEachFeature: (scene, layer) => layer.bindPopup(() => popup(scene)),
}).addTo(map);
let asked = 0;

graticule();
for (const id of ["type", "since", "until", "cloud", "key"]) $(id).addEventListener("change", show);
$("cloud").addEventListener("input", () => { $("cloud-shown").value = $("cloud").value; });
$("filters").addEventListener("submit", (event) => { event.preventDefault(); start(); });
$("key").addEventListener("change", start);
map.on("moveend", show);
start();

function get(path) {
  const headers = {"X-Requested-With": "XMLHttpRequest"};
  if ($("key").value) headers.Authorization = "api-key " + $("key").value;
  return fetch(path, {headers});
}

async function start() {
  const answer = await get("/v0/scenes/");
  $("key-field").hidden = answer.status !== 401 && !$("key").value;
  if (!answer.ok) return tell((await answer.json()).message);
  const types = Object.keys(await answer.json());
  if ($("type").options.length !== types.length) {
    $("type").replaceChildren(...types.map((name) => new Option(name)));
    let most = -1;
    for (const name of types) {
      const page = await (await get(`/v0/scenes/${name}/?count=50`)).json();
      if (page.count > most) { most = page.count; $("type").value = name; fit(page.features); }
    }
  }
  return show();
}

function fit(scenes) {
  const bounds = L.geoJSON(scenes.filter((scene) => scene.geometry)).getBounds();
  if (bounds.isValid()) map.fitBounds(bounds.pad(0.2), {animate: false});
}

async function show() {
  const turn = ++asked;
  if (!$("type").value) return;
  const query = new URLSearchParams({count: MOST});
  if ($("since").value) query.append("acquired.gte", $("since").value);
  if ($("until").value) query.append("acquired.lte", $("until").value + "T23:59:59.999999Z");
  if ($("cloud").value < 100) query.append("cloud_cover.estimated.lte", $("cloud").value);
  const box = map.getBounds();
  if (box.getEast() - box.getWest() < 360) query.append("intersects", wkt(box));
  const answer = await get(`/v0/scenes/${$("type").value}/?${query}`);
  const page = await answer.json();
  if (turn !== asked) return;
  if (!answer.ok) return tell(page.message);
  footprints.clearLayers();
  footprints.addData(page.features.filter((scene) => scene.geometry));
  tell(page.count > MOST ? `${page.count} scenes here, the newest ${MOST} shown` : `${page.count} scenes here`);
  $("scenes").replaceChildren(...page.features.slice(0, 50).map(entry));
}

function wkt(box) {
  const [w, e] = [box.getWest(), box.getEast()].map((x) => x.toFixed(6));
  const [s, n] = [box.getSouth(), box.getNorth()].map((y) => Math.max(-90, Math.min(90, y)).toFixed(6));
  return `POLYGON((${w} ${s},${e} ${s},${e} ${n},${w} ${n},${w} ${s}))`;
}

function tell(text) { $("told").textContent = text; }

function entry(scene) {
  const item = document.createElement("li"), button = document.createElement("button");
  button.type = "button";
  button.textContent = `${scene.properties.acquired.slice(0, 16).replace("T", " ")}  ${scene.id}`;
  button.addEventListener("click", () => {
    const layer = footprints.getLayers().find((l) => l.feature.id === scene.id);
    if (layer) { map.fitBounds(layer.getBounds().pad(1), {animate: false}); layer.openPopup(); }
  });
  item.append(button);
  return item;
}

function popup(scene) {
  const box = document.createElement("div"), picture = document.createElement("img"), text = document.createElement("div");
  box.className = "scene";
  const cloud = scene.properties.cloud_cover && scene.properties.cloud_cover.estimated;
  const products = Object.keys((scene.properties.data && scene.properties.data.products) || {});
  text.innerText = [scene.id, scene.properties.acquired, cloud === undefined ? "" : `cloud ${cloud} %`,
                    products.join(", ")].filter(Boolean).join("\n");
  picture.alt = "";
  get(new URL(scene.properties.links.thumbnail).pathname).then(async (answer) => {
    if (answer.ok) picture.src = URL.createObjectURL(await answer.blob());
  });
  box.append(picture, text);
  return box;
}

function graticule() {
  const style = {color: "#b9c7cd", weight: 0.5, interactive: false};
  for (let lon = -180; lon <= 180; lon += 30) L.polyline([[-85, lon], [85, lon]], style).addTo(map);
  for (let lat = -60; lat <= 60; lat += 30) L.polyline([[lat, -180], [lat, 180]], style).addTo(map);
}
