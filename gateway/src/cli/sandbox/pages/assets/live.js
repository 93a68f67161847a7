// Keeps /live up to date from the page's stream: rows, plots, figures, and the alarm about a code
// that arrived at the backend twice.

import './page.js';
import { bind, words } from './bind.js';
import { bars, lines, stroke } from './plot.js';
import { Rows } from './rows.js';
import { listen } from './stream.js';

const SPAN_S = 300;

const live = document.getElementById('live');
const silent = document.getElementById('silent');
const twice = document.getElementById('twice');
const filter = document.getElementById('filter');
const known = words(document.getElementById('words'));
const outcomes = document.getElementById('outcomes-words');
const rows = new Rows(document.getElementById('rows'), outcomes, known);

let last = null;

function plot(name) {
  return document.querySelector(`[data-plot="${name}"]`);
}

function draw({ history, code_ages }) {
  const series = (names) => names.map((name) => ({ name, values: history[name] }));
  const common = { seconds_ago: history.seconds_ago, span_s: SPAN_S, unit: '/s', now: live.dataset.now, least: 1 };
  lines(plot('outcomes'), { ...common, series: series(['served', 'refused']) });
  lines(plot('faults'), { ...common, series: series(['backend', 'unknown', 'gateway']) });
  const bar = ({ up_to_s, percent }) => {
    const label = up_to_s === null ? '∞' : String(up_to_s);
    return { label, value: percent, name: up_to_s === null || up_to_s > 60 ? 'late' : 'fresh' };
  };
  bars(plot('ages'), { bars: code_ages.map(bar), unit: '%', least: 10 });
}

function alarm({ arrived_twice: count, redemptions_arrived_twice: names }) {
  document.body.classList.toggle('twice-arrived', count > 0);
  const text = count > 0 ? `${twice.dataset.text} ${names.join(', ')}` : '';
  if (twice.textContent !== text) twice.textContent = text;
  twice.hidden = count === 0;
}

function figures(counters) {
  alarm(counters.standin);
  if (counters.gateway === null) return;
  last = counters.gateway;
  bind(live, counters, known);
  draw(last);
}

listen('hello', ({ is_resumed, counters }) => {
  // What is shown would have a gap.
  if (!is_resumed) rows.clear();
  alarm(counters.standin);
});
listen('decision', (decision) => rows.add(decision));
listen('counters', figures);
listen('silent', (is_silent) => {
  silent.hidden = !is_silent;
  live.classList.toggle('old', is_silent);
});

function choose() {
  const { value: kind } = document.getElementById('kind');
  const { value: till } = document.getElementById('till');
  const text = document.getElementById('text').value.trim().toLowerCase();
  rows.choose((decision, of_kind) => {
    if (kind !== '' && of_kind !== kind) return false;
    if (till !== '' && decision.institution !== till) return false;
    return text === '' || JSON.stringify(decision).toLowerCase().includes(text);
  });
}

filter.hidden = false;
filter.addEventListener('input', choose);
filter.addEventListener('submit', (event) => event.preventDefault());
// A browser keeps what was chosen when the page is loaded again.
choose();

new ResizeObserver(() => {
  if (last !== null) draw(last);
}).observe(live);

for (const legend of document.querySelectorAll('svg.stroke')) stroke(legend);
