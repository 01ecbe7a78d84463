// Pictures of scenes on the map, and a slider between those of the newest day and the others.

const THUMB = 18;  // pixels of the slider's handle

const hasPicture = (scene) => Boolean(scene.tiles || scene.overlay);
let pictures, newest, comparing = false;

// Return the layer of a scene's picture: the one in the file, else tiles of the service.
function pictureOf(scene, pane) {
  if (!scene.overlay) return tilesOf(scene, pane);
  const [west, south, east, north] = scene.overlay.bounds;
  const turn = 360 * Math.round((footprints[scene.number].getBounds().getCenter().lng - (west + east) / 2) / 360);
  return L.imageOverlay(scene.overlay.url, [[south, west + turn], [north, east + turn]],
    {pane, className: "overlay", zIndex: 1000 + data.scenes.length - scene.number});
}

// Put the pictures of the newest day beside the others, or all together; `shown` are the layers of the shown scenes.
function arrange(shown) {
  const scenes = [...shown.keys()].filter(isShown).sort((a, b) => a.number - b.number);
  const day = ({time}) => moment(time, "day");
  const latest = scenes.filter((scene) => day(scene) === day(scenes[0])), earlier = scenes.filter((scene) => !latest.includes(scene));
  const possible = earlier.length > 0;
  $("compare").hidden = !possible;
  if (!possible) comparing = false;
  $("compare").setAttribute("aria-pressed", comparing);
  $("divider").hidden = !comparing;
  for (const scene of scenes) {
    const pane = comparing && latest.includes(scene) ? "newest" : "pictures";
    if (shown.get(scene).options.pane === pane) continue;
    shown.get(scene).remove();
    shown.set(scene, pictureOf(scene, pane).addTo(map));
  }
  if (comparing) {
    const days = [...new Set(earlier.map(day))];
    $("before").textContent = days.length > 2 ? `${days[0]} and earlier` : days.join(", ");
    $("after").textContent = day(latest[0]);
  }
  divide();
}

function divide() {
  if (!comparing) {
    pictures.style.clip = newest.style.clip = "";
    return;
  }
  const size = map.getSize(), at = THUMB / 2 + (size.x - THUMB) * $("divide").value / 100;
  const corner = map.containerPointToLayerPoint([0, 0]), end = map.containerPointToLayerPoint(size);
  pictures.style.clip = `rect(${corner.y}px, ${corner.x + at}px, ${end.y}px, ${corner.x}px)`;
  newest.style.clip = `rect(${corner.y}px, ${end.x}px, ${end.y}px, ${corner.x + at}px)`;
  $("line").style.left = `${at}px`;
  $("before").style.right = `${size.x - at + 8}px`;
  $("after").style.left = `${at + 8}px`;
}

function startComparing(shown) {
  pictures = map.createPane("pictures");
  newest = map.createPane("newest");
  pictures.style.zIndex = 220;  // under the graticule
  newest.style.zIndex = 221;
  $("divide").addEventListener("input", divide);
  $("compare").addEventListener("click", () => { comparing = !comparing; arrange(shown); });
  map.on("move zoom viewreset resize", divide);
}
