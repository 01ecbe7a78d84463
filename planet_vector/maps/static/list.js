// The scenes beside the map, the newest first, and what colour stands for how much cloud.

// From blue to brown, so that eyes that do not tell red from green tell them; each stands out on the sheet (3 : 1).
const CLASSES = [  // their colours are in map.css
  {upto: 5, label: "0–5 %", name: "cloud0"},
  {upto: 20, label: "5–20 %", name: "cloud1"},
  {upto: 50, label: "20–50 %", name: "cloud2"},
  {upto: 80, label: "50–80 %", name: "cloud3"},
  {upto: Infinity, label: "80–100 %", name: "cloud4"},
];
const UNKNOWN = {label: "unknown", name: "unknown", unknown: true};

const classOf = (cloud) => cloud === null ? UNKNOWN : CLASSES.find(({upto}) => cloud <= upto);
const cloudText = (cloud) => cloud === null ? "cloud unknown" : `${cloud.toFixed(cloud < 10 ? 1 : 0)} % cloud`;

function element(tag, properties, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

function swatch(kind) {
  return element("span", {className: `swatch ${kind.name}`});
}

function picture(scene, none) {
  if (!scene.picture) return none;
  const image = element("img", {alt: "", loading: "lazy", decoding: "async"});
  image.addEventListener("error", () => image.replaceWith(none));
  image.src = scene.picture;
  return image;
}

function entry(scene, choose, point) {
  const kind = classOf(scene.cloud);
  const text = element("span", {className: "text"},
    element("span", {className: "when", textContent: moment(scene.time, "minute", "")}),
    element("span", {className: "cloudy"}, swatch(kind), cloudText(scene.cloud)),
    element("span", {className: "id", textContent: scene.id, title: scene.id}));
  text.style.minWidth = 0;
  const button = element("button", {type: "button", className: "scene"},
    element("span", {className: "pic"}, picture(scene, swatch(kind))), text);
  const item = element("li", {}, button);
  item.dataset.number = scene.number;
  button.addEventListener("click", () => choose(scene));
  for (const [name, over] of [["mouseenter", true], ["mouseleave", false], ["focusin", true], ["focusout", false]]) {
    item.addEventListener(name, () => point(scene, over));
  }
  if (hasPicture(scene)) {
    const what = scene.overlay ? "Picture" : "Tiles";
    const toggle = element("button", {type: "button", className: "plain tiles", textContent: what});
    toggle.setAttribute("aria-pressed", "false");
    toggle.setAttribute("aria-label", `${what} of ${scene.id}`);
    toggle.addEventListener("click", () => toggleTiles(scene));
    item.append(toggle);
  }
  return item;
}

// Arrow keys walk through the scenes that are shown.
function walkByKeys(list) {
  list.addEventListener("keydown", (event) => {
    const step = {ArrowDown: 1, ArrowUp: -1}[event.key], item = event.target.closest("li");
    if (!step || !item) return;
    event.preventDefault();
    let next = item;
    do next = step > 0 ? next.nextElementSibling : next.previousElementSibling; while (next && next.hidden);
    if (next) next.querySelector(".scene").focus();
  });
}

function drawLegend(shown) {
  const kinds = [...CLASSES, ...(data.scenes.some(({cloud}) => cloud === null) ? [UNKNOWN] : [])];
  $("legend").replaceChildren(...kinds.map((kind) => element("li", {},
    swatch(kind), kind.label, element("b", {textContent: shown.filter(({cloud}) => classOf(cloud) === kind).length}))));
}
