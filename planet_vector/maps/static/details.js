// One scene: its picture, what matters of it, and all its properties as a table. Every text is set as text.

function showDetails(scene, around) {
  const box = $("details"), kind = classOf(scene.cloud), at = around.indexOf(scene);
  const close = icon("×", "Close", () => select(null));
  const bar = element("div", {className: "bar"}, element("h2", {textContent: moment(scene.time, "second")}));
  if (around.length > 1) {
    const back = icon("‹", "The scene above", () => select(around[at - 1], around));
    const on = icon("›", "The scene underneath", () => select(around[at + 1], around));
    back.disabled = at === 0;
    on.disabled = at === around.length - 1;
    bar.append(back, element("span", {textContent: `${at + 1} of ${around.length} here`}), on);
  }
  bar.append(close);

  const facts = element("div", {}, element("p", {className: "cloudy"}, swatch(kind), cloudText(scene.cloud)));
  facts.append(element("p", {textContent: scene.products.length ? `Products: ${scene.products.join(", ")}` : "No products"}));
  if (hasPicture(scene)) {
    const toggle = element("button", {type: "button", className: "plain", id: "details-tiles"});
    toggle.addEventListener("click", () => toggleTiles(scene));
    facts.append(toggle);
  }
  const none = element("div", {className: "none", textContent: "No thumbnail in this file"});
  const body = element("div", {className: "body", tabIndex: 0},
    element("div", {className: "facts"}, picture(scene, none), facts),
    element("code", {className: "name", textContent: scene.name || scene.id}),
    element("div", {className: "buttons"}, ...(scene.name ? [
      copyButton("Copy name", scene.name), copyButton("Copy download command", `planet-vector download ${quoted(scene.name)}`),
      ...(data.served && scene.tiles ? [
        copyButton("Copy TileJSON address", new URL(scene.tiles.replace("/{z}/{x}/{y}.png", "/tiles.json"), location.href).href)] : []),
    ] : [])),
    element("table", {}, element("caption", {textContent: "Properties"}),
      element("tbody", {}, ...scene.properties.map(([name, value]) =>
        element("tr", {}, element("th", {scope: "row"}, ...breakable(name)), element("td", {}, ...breakable(String(value))))))));
  box.setAttribute("aria-label", `Scene ${scene.id}`);
  box.replaceChildren(bar, body);
  box.hidden = false;
  tellTiles(scene);
}

// Return a text in parts, between which a line may end: names are long, and have no spaces.
function breakable(text) {
  return text.split(/(?<=[._/,:-]|\dT)/).flatMap((part, n) => n ? [document.createElement("wbr"), part] : [part]);
}

function tellTiles(scene) {
  const on = tilesShown.has(scene), toggle = $("details-tiles"), item = items[scene.number].querySelector(".tiles");
  if (item) item.setAttribute("aria-pressed", on);
  if (toggle && selected === scene) {
    toggle.textContent = `${on ? "Hide" : "Show"} ${scene.overlay ? "picture" : "tiles"}`;
    toggle.setAttribute("aria-pressed", on);
  }
}

function icon(sign, label, act) {
  const button = element("button", {type: "button", className: "icon", textContent: sign, title: label});
  button.setAttribute("aria-label", label);
  button.addEventListener("click", act);
  return button;
}
