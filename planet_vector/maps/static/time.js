// The span of time that is shown: two thumbs on one track, under a histogram of all scenes.

const UNITS = [["day", 86400e3], ["hour", 3600e3], ["minute", 60e3], ["second", 1e3]];
const BINS = 48;
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

// Return {holds(time), whole()}; `changed` is called when somebody moves a thumb.
function timeRange(times, changed) {
  const since = $("since"), until = $("until");
  if (!times.length) {
    $("dates").hidden = true;
    return {holds: () => true, whole: () => true, reset() {}};
  }
  const first = times.reduce((a, b) => Math.min(a, b)), last = times.reduce((a, b) => Math.max(a, b));
  const [name, unit] = UNITS.find(([, length]) => last - first >= 2 * length) || UNITS[UNITS.length - 1];
  const low = Math.floor(first / unit), high = Math.floor(last / unit);
  for (const input of [since, until]) Object.assign(input, {min: low, max: high, step: 1});

  function moved(input) {
    if (input === since && Number(since.value) > Number(until.value)) since.value = until.value;
    if (input === until && Number(until.value) < Number(since.value)) until.value = since.value;
    told();
    changed();
  }

  function told() {
    for (const input of [since, until]) {
      const text = moment(Number(input.value) * unit, name);
      $(`${input.id}-told`).value = text;
      input.setAttribute("aria-valuetext", text);
    }
    // Where both thumbs are at the far end, the first is the one that can still move.
    since.style.zIndex = Number(since.value) >= high ? 1 : "";
    for (const bar of $("histogram").children) {
      bar.classList.toggle("in", Number(bar.dataset.to) >= Number(since.value) && Number(bar.dataset.from) <= Number(until.value));
    }
  }

  function draw() {
    const size = Math.max(1, Math.ceil((high - low + 1) / BINS)), bins = new Array(Math.ceil((high - low + 1) / size)).fill(0);
    for (const time of times) bins[Math.floor((Math.floor(time / unit) - low) / size)]++;
    const most = bins.reduce((a, b) => Math.max(a, b)), svg = $("histogram");
    svg.setAttribute("viewBox", `0 0 ${bins.length} 1`);
    svg.replaceChildren(...bins.map((count, n) => {
      const bar = document.createElementNS("http://www.w3.org/2000/svg", "rect"), height = count / most;
      for (const [key, value] of Object.entries({x: n + 0.08, y: 1 - height, width: 0.84, height})) bar.setAttribute(key, value);
      Object.assign(bar.dataset, {from: low + n * size, to: low + (n + 1) * size - 1});
      return bar;
    }));
  }

  function reset() {
    since.value = low;
    until.value = high;
    told();
  }

  draw();
  reset();
  since.addEventListener("input", () => moved(since));
  until.addEventListener("input", () => moved(until));
  const whole = () => Number(since.value) === low && Number(until.value) === high;
  return {
    whole,
    reset,
    // What has no time is shown with everything, and in no span.
    holds: (time) => time === null ? whole() : Math.floor(time / unit) >= Number(since.value) && Math.floor(time / unit) <= Number(until.value),
  };
}

// Write a time in UTC, to the precision of a unit.
function moment(time, unit, zone = " UTC") {
  if (time === null) return "time unknown";
  const text = new Date(time).toISOString();
  const day = `${new Date(time).getUTCDate()} ${MONTHS[new Date(time).getUTCMonth()]} ${text.slice(0, text.indexOf("-", 1))}`;
  const clock = {day: "", hour: text.slice(11, 16), minute: text.slice(11, 16), second: text.slice(11, 19)}[unit];
  return clock ? `${day}, ${clock}${zone}` : day;
}
