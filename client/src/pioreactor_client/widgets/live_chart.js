// Draws the lines of a quantity over time. Times are shown in the time zone of the browser.

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 640;
const HEIGHT = 240;
const LEFT = 56;
const BOTTOM = 24;
const TOP = 24;
const COLORS = ["#1f6f8b", "#c8553d", "#5b7f2b", "#6a4c93"];
const TICKS = 4;

function element(name, attributes, text) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  if (text !== undefined) made.textContent = text;
  return made;
}

function rangeOf(values) {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (low === high) return [low - 0.5 * Math.abs(low || 1), high + 0.5 * Math.abs(high || 1)];
  return [low, high];
}

function timeOf(ms, span) {
  const options = { hour: "2-digit", minute: "2-digit" };
  if (span < 600_000) options.second = "2-digit";
  if (span > 86_400_000) Object.assign(options, { month: "short", day: "numeric" });
  return new Intl.DateTimeFormat(undefined, options).format(ms);
}

function draw(chart, lines) {
  const points = Object.values(lines).flat();
  if (points.length === 0) {
    chart.replaceChildren(element("text", { x: LEFT, y: HEIGHT / 2, fill: "currentColor" }, "Nothing was measured yet."));
    return;
  }
  const [first, last] = rangeOf(points.map((point) => point[0]));
  const [low, high] = rangeOf(points.map((point) => point[1]));
  const x = (ms) => LEFT + ((ms - first) / (last - first)) * (WIDTH - LEFT - 8);
  const y = (value) => HEIGHT - BOTTOM - ((value - low) / (high - low)) * (HEIGHT - BOTTOM - TOP);
  const parts = [];
  for (let tick = 0; tick <= TICKS; tick++) {
    const value = low + (tick / TICKS) * (high - low);
    const ms = first + (tick / TICKS) * (last - first);
    parts.push(
      element("line", { x1: LEFT, x2: WIDTH - 8, y1: y(value), y2: y(value), stroke: "currentColor", opacity: 0.15 }),
    );
    const digits = Number(value.toPrecision(3)).toString();
    parts.push(element("text", { x: LEFT - 6, y: y(value) + 4, "text-anchor": "end", class: "tick" }, digits));
    const anchor = tick === 0 ? "start" : tick === TICKS ? "end" : "middle";
    parts.push(
      element("text", { x: x(ms), y: HEIGHT - 6, "text-anchor": anchor, class: "tick" }, timeOf(ms, last - first)),
    );
  }
  Object.entries(lines).forEach(([name, line], place) => {
    const color = COLORS[place % COLORS.length];
    const at = line.map(([ms, value]) => `${x(ms).toFixed(1)},${y(value).toFixed(1)}`).join(" ");
    parts.push(element("polyline", { points: at, fill: "none", stroke: color, "stroke-width": 1.5 }));
    if (name !== "") {
      const label = { x: LEFT + 8 + 90 * place, y: TOP - 10, fill: color, class: "tick" };
      parts.push(element("text", label, `photodiode ${name}`));
    }
  });
  chart.replaceChildren(...parts);
}

function render({ model, el }) {
  const figure = document.createElement("figure");
  figure.style.cssText = "margin: 0; max-width: 720px; color: inherit; font: 13px system-ui, sans-serif;";
  const caption = document.createElement("figcaption");
  const unit = model.get("unit");
  caption.textContent = unit === "" ? model.get("title") : `${model.get("title")} [${unit}]`;
  const chart = element("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", style: "width: 100%; font-size: 11px;" });
  chart.setAttribute("aria-label", caption.textContent);
  chart.style.fill = "currentColor";
  figure.append(caption, chart);
  el.append(figure);
  const update = () => draw(chart, model.get("lines"));
  model.on("change:lines", update);
  update();
  return () => model.off("change:lines", update);
}

export default { render };
