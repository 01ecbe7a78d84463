// What leaves the page: names and commands to the clipboard, scenes to a file.

function copyButton(label, text) {
  const button = element("button", {type: "button", className: "plain", textContent: label});
  button.addEventListener("click", () => copy(text));
  return button;
}

async function copy(text) {
  const lines = text.split("\n").length;
  const copied = lines > 1 ? `${lines} names are copied.` : `Copied: ${text}`;
  try {
    await navigator.clipboard.writeText(text);
  } catch {  // not permitted, or not a page of this machine
    const field = element("textarea", {value: text, className: "copied"});
    document.body.append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    if (!done) return tell("The browser does not allow to copy: select the name and copy it by the keyboard.");
  }
  tell(copied);
}

// Return a word for a POSIX shell.
function quoted(text) {
  return /^[\w@%+=:,./~-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

// Save scenes as GeoJSON; longitudes are within ±180° unless a footprint crosses that meridian.
function save(scenes) {
  const features = scenes.map((scene) => {
    const turn = scene.polygons.every(([ring]) => ring.every(([lon]) => lon > 180)) ? 360 : 0;
    const coordinates = scene.polygons.map((rings) => rings.map((ring) => ring.map(([lon, lat]) => [lon - turn, lat])));
    return {
      type: "Feature", id: scene.id, properties: Object.fromEntries([["name", scene.name], ...scene.properties]),
      geometry: coordinates.length ? {type: "MultiPolygon", coordinates} : null,
    };
  });
  const text = JSON.stringify({type: "FeatureCollection", features});
  const link = element("a", {download: "scenes.geojson", href: URL.createObjectURL(new Blob([text], {type: "application/geo+json"}))});
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}
