// Meridians and parallels, as close as the zoom wants them, with their degrees along the lower and the left edge.

const STEPS = [30, 20, 10, 5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001];  // degrees
const APART = 90;  // pixels between two meridians, at the least

function addGraticule(map) {
  map.createPane("graticule").style.zIndex = 250;  // over tiles, under footprints
  const renderer = L.svg({pane: "graticule", padding: 0.3});
  const style = {renderer, pane: "graticule", interactive: false, color: "#9fb0b9", weight: 0.7};
  const lines = L.layerGroup().addTo(map);
  const labels = document.createElement("div");
  labels.setAttribute("aria-hidden", "true");
  map.getContainer().append(labels);

  function draw() {
    const view = map.getBounds(), wide = view.pad(0.3), width = map.getSize().x;
    const pixels = width / (view.getEast() - view.getWest());  // a degree of longitude
    const step = [...STEPS].reverse().find((one) => one * pixels >= APART) || STEPS[0];
    const south = Math.max(-85, wide.getSouth()), north = Math.min(85, wide.getNorth());
    lines.clearLayers();
    for (const x of multiples(step, wide.getWest(), wide.getEast())) L.polyline([[south, x], [north, x]], style).addTo(lines);
    for (const y of multiples(step, south, north)) {
      L.polyline([[y, wide.getWest()], [y, wide.getEast()]], style).addTo(lines);
    }
    label(step);
  }

  function label(step) {
    const view = map.getBounds(), size = map.getSize(), digits = Math.max(0, -Math.floor(Math.log10(step)));
    const found = [];
    for (const x of multiples(step, view.getWest(), view.getEast())) {
      const place = map.latLngToContainerPoint([view.getSouth(), x]).x;
      const turned = ((x + 540) % 360 + 360) % 360 - 180;
      if (place > 130 && place < size.x - 60) found.push(degrees(turned, "E", "W", digits, {left: `${place + 4}px`, bottom: "26px"}));
    }
    for (const y of multiples(step, Math.max(-85, view.getSouth()), Math.min(85, view.getNorth()))) {
      const place = map.latLngToContainerPoint([y, view.getWest()]).y;
      if (place > 130 && place < size.y - 50) found.push(degrees(y, "N", "S", digits, {left: "6px", top: `${place - 13}px`}));
    }
    labels.replaceChildren(...found);
  }

  map.on("moveend viewreset resize", draw);
  map.on("movestart zoomstart", () => labels.replaceChildren());
  draw();
}

function multiples(step, from, to) {
  const found = [];
  for (let n = Math.ceil(from / step); n * step <= to; n++) found.push(n * step);
  return found;
}

function degrees(value, positive, negative, digits, place) {
  const box = document.createElement("span"), rounded = Math.abs(value).toFixed(digits);
  box.className = "degrees";
  box.textContent = `${rounded}° ${[0, 180].includes(Number(rounded)) ? "" : value > 0 ? positive : negative}`.trim();
  Object.assign(box.style, place);
  return box;
}
