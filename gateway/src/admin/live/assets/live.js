// Keeps the live page up to date: asks /live.json once a second while the page is seen, and says
// since when the gateway has not answered.

import { at, bind, words } from './bind.js';
import { clock } from './format.js';
import { bars, lines, stroke } from './plot.js';

const EVERY_MS = 1000;
const LONGEST_MS = 15000;
const PATIENCE_MS = 5000;
const SPAN_S = 300;

const live = document.getElementById('live');
const silent = document.getElementById('silent');
const verdict = document.getElementById('verdict');
const known = words(document.getElementById('words'));
const title = document.title;

let last = null;
let silent_since = null;
let pause_ms = EVERY_MS;
let timer = null;
let under_way = false;

// Another process or configuration may have other parts. The page is made anew for it.
function is_of_this_page(data) {
  const { started, config } = live.dataset;
  return String(data.runs.started_unix_ms) === started && data.runs.config === config;
}

function plot(name) {
  return document.querySelector(`[data-plot="${name}"]`);
}

function draw(data) {
  const series = (names) => names.map((name) => ({ name, values: data.history[name] }));
  const { seconds_ago } = data.history;
  const common = { seconds_ago, span_s: SPAN_S, unit: '/s', now: live.dataset.now, least: 1 };
  lines(plot('outcomes'), { ...common, series: series(['served', 'refused']) });
  lines(plot('faults'), { ...common, series: series(['backend', 'unknown', 'gateway']) });
  const bar = ({ up_to_s, percent }) => {
    const is_late = up_to_s === null || up_to_s > 60;
    const label = up_to_s === null ? '∞' : String(up_to_s);
    return { label, value: percent, name: is_late ? 'late' : 'fresh' };
  };
  bars(plot('ages'), { bars: data.code_ages.map(bar), unit: '%', least: 10 });
}

function show(data) {
  if (!is_of_this_page(data)) {
    location.reload();
    return;
  }
  bind(document, data, known);
  verdict.dataset.state = at(data, 'verdict.state');
  const mark = { ready: '✓', attention: '!', trouble: '✕', not_ready: '✕' }[data.verdict.state];
  document.title = `${mark} ${title}`;
  draw(data);
}

function answered(data) {
  last = data;
  silent_since = null;
  pause_ms = EVERY_MS;
  silent.hidden = true;
  live.classList.remove('old');
  show(data);
}

function not_answered(began) {
  silent_since ??= began;
  pause_ms = Math.min(pause_ms * 2, LONGEST_MS);
  const text = `${silent.dataset.text} ${clock(silent_since)} UTC.`;
  if (silent.textContent !== text) silent.textContent = text;
  silent.hidden = false;
  live.classList.add('old');
  document.title = `? ${title}`;
}

async function ask() {
  under_way = true;
  const began = Date.now();
  try {
    const options = { cache: 'no-store', signal: AbortSignal.timeout(PATIENCE_MS) };
    const answer = await fetch('/live.json', options);
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    answered(await answer.json());
  } catch {
    not_answered(began);
  }
  under_way = false;
  next();
}

function next() {
  clearTimeout(timer);
  if (document.visibilityState === 'visible' && !under_way) timer = setTimeout(ask, pause_ms);
}

document.addEventListener('visibilitychange', () => {
  clearTimeout(timer);
  if (document.visibilityState === 'visible' && !under_way) ask();
});

new ResizeObserver(() => {
  if (last !== null) draw(last);
}).observe(live);

for (const legend of document.querySelectorAll('svg.stroke')) stroke(legend);
ask();
