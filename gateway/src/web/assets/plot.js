// Draws plots as inline SVG, in the size that the element has. Colours and strokes are classes of
// style.css, so that they follow light and dark. Each series has a stroke of its own beside its
// colour.

const SVG = 'http://www.w3.org/2000/svg';
const LEFT = 46;
const RIGHT = 8;
const TOP = 8;
const BOTTOM = 20;

function element(name, attributes, text) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

function stage(svg) {
  const { clientWidth: width, clientHeight: height } = svg;
  if (width < LEFT + RIGHT + 20 || height < TOP + BOTTOM + 10) return null;
  svg.setAttribute('viewBox', `0 0 ${width} ${height}`);
  return {
    parts: [],
    left: LEFT,
    right: width - RIGHT,
    top: TOP,
    bottom: height - BOTTOM,
    width: width - LEFT - RIGHT,
    height: height - TOP - BOTTOM,
  };
}

// A round number that is not below `value`.
function roundUp(value, least) {
  const wanted = Math.max(value, least);
  const power = 10 ** Math.floor(Math.log10(wanted));
  const step = [1, 1.5, 2, 3, 4, 6, 8, 10].find((one) => one * power >= wanted * 0.999);
  return step * power;
}

function short(value) {
  if (value >= 1e6) return `${+(value / 1e6).toPrecision(3)}M`;
  if (value >= 1e4) return `${+(value / 1e3).toPrecision(3)}k`;
  return `${+value.toPrecision(3)}`;
}

function grid(area, most, unit) {
  for (const part of [0, 0.5, 1]) {
    const y = Math.round(area.bottom - part * area.height) + 0.5;
    const line = { x1: area.left, x2: area.right, y1: y, y2: y, class: 'grid' };
    area.parts.push(element('line', line));
    const label = { x: area.left - 5, y: y + 4, class: 'tick end' };
    area.parts.push(element('text', label, short(most * part) + (part === 1 ? unit : '')));
  }
}

/**
 * Lines over the last seconds. `seconds_ago` falls to 0; `series` are names, which are classes too,
 * with a value for each of these moments; `least` is the least top of the scale.
 */
export function lines(svg, { seconds_ago, span_s, series, unit, now, least }) {
  const area = stage(svg);
  if (area === null) return;
  const values = series.flatMap((one) => one.values);
  const most = roundUp(Math.max(0, ...values), least);
  grid(area, most, unit);
  const x = (ago) => area.right - (Math.min(ago, span_s) / span_s) * area.width;
  const y = (value) => area.bottom - (value / most) * area.height;
  for (let minutes = 0; minutes * 60 <= span_s; minutes += 1) {
    const room = area.width - (area.right - x(minutes * 60));
    if (room > 0 && room < 62) continue;
    const text = minutes === 0 ? now : `−${minutes} min`;
    const place = { x: x(minutes * 60), y: area.bottom + 15 };
    const side = minutes === 0 ? 'end' : minutes * 60 === span_s ? 'start' : 'middle';
    area.parts.push(element('text', { ...place, class: `tick ${side}` }, text));
  }
  for (const { name, values: points } of series) {
    const path = points.map((value, index) => {
      return `${index === 0 ? 'M' : 'L'}${x(seconds_ago[index]).toFixed(1)} ${y(value).toFixed(1)}`;
    });
    if (path.length > 1) {
      area.parts.push(element('path', { d: path.join(''), class: `line ${name}` }));
    }
  }
  svg.replaceChildren(...area.parts);
}

/** Bars side by side; `bars` are a label, a share in percent and a class. */
export function bars(svg, { bars: all, unit, least }) {
  const area = stage(svg);
  if (area === null || all.length === 0) return;
  const most = roundUp(Math.max(0, ...all.map((bar) => bar.value)), least);
  grid(area, most, unit);
  const width = area.width / all.length;
  const every = Math.ceil(26 / width);
  all.forEach((bar, index) => {
    const height = (bar.value / most) * area.height;
    const left = area.left + index * width;
    const box = { x: left + 1, y: area.bottom - height, width: Math.max(width - 2, 1), height };
    area.parts.push(element('rect', { ...box, class: `bar ${bar.name}` }));
    if (index % every === 0) {
      const place = { x: left + width / 2, y: area.bottom + 15, class: 'tick middle' };
      area.parts.push(element('text', place, bar.label));
    }
  });
  svg.replaceChildren(...area.parts);
}

/** A short line that shows the stroke of a series in a legend. */
export function stroke(svg) {
  const y = svg.clientHeight / 2;
  const line = { x1: 0, x2: svg.clientWidth, y1: y, y2: y, class: `line ${svg.dataset.series}` };
  svg.replaceChildren(element('line', line));
}
