// The till: what its cashier wants goes to the server, and what came back is shown. The server knows
// what the till may do; the page shows it.

import { send, tell } from './page.js';
import { exchanges } from './exchange.js';
import { box, camera } from './scanner.js';

const root = document.getElementById('till');
const words = JSON.parse(root.dataset.words);
const find = (id) => document.getElementById(id);
const VERBS = ['settle', 'query', 'reverse', 'retry'];

let state = JSON.parse(root.dataset.state);
let ahead_ms = state.now_ms - Date.now();
let waiting = Promise.resolve();
let jobs = 0;

/** One job after the other: a scan that comes while the till waits is done after it. */
function line_up(job) {
  jobs += 1;
  show_state();
  waiting = waiting.then(async () => {
    tell();
    try {
      await job();
    } catch (error) {
      tell(error.message);
    } finally {
      jobs -= 1;
      show_state();
      // A button that was pressed is disabled for a while and loses the focus: the next scan comes.
      if (jobs === 0 && document.activeElement === document.body) find('code').focus();
    }
  });
}

async function ask(verb, body = {}) {
  const report = await send(`/sandbox/till/${root.dataset.number}/${verb}`, body);
  state = report.state;
  ahead_ms = state.now_ms - Date.now();
  show_report(report);
  return report;
}

/** A scan begins a visit: the code becomes a pass, then who it is, then what there is to pay. */
function scan(what) {
  line_up(async () => {
    for (const verb of ['decode', 'identify', 'presettle']) {
      const report = await ask(verb, verb === 'decode' ? what : {});
      if (report.verdict.kind !== 'done') return;
    }
  });
}

function show_text(id, text) {
  const element = find(id);
  element.textContent = text ?? '';
  element.hidden = !text;
}

function show_report(report) {
  const { verdict, headline } = report;
  find('result').dataset.tone = headline.tone;
  find('headline').textContent = headline.text;
  show_text('sentence', verdict.message_zh);
  show_text('said', verdict.message_zh ? '' : verdict.said);
  show_text('hint', headline.hint);
  find('replayed').hidden = !verdict.is_replayed;
  find('facts').replaceChildren(
    ...['title', 'action', 'error_code', 'request_id', 'redemption']
      .filter((name) => verdict[name])
      .map((name) => fact(name, verdict[name])),
  );
  find('exchange').hidden = false;
  find('exchanges').replaceChildren(...exchanges(report, words));
}

function fact(name, value) {
  const row = document.createElement('div');
  const term = document.createElement('dt');
  term.textContent = words[name];
  const detail = document.createElement('dd');
  detail.className = 'name';
  const text = document.createElement('span');
  text.id = `fact-${name}`;
  text.textContent = value;
  detail.append(text);
  if (name === 'request_id') detail.append(' ', copy_button(value));
  row.append(term, detail);
  return row;
}

function copy_button(text) {
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'copy';
  button.textContent = words.copy;
  button.setAttribute('aria-label', `${words.copy} ${words.request_id}`);
  button.addEventListener('click', async () => {
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = words.copied;
    } catch {
      window.getSelection().selectAllChildren(button.parentElement.firstElementChild);
    }
  });
  return button;
}

function show_state() {
  const is_busy = jobs > 0 || state.busy;
  // What is large stays where it is while an answer is waited for.
  if (!is_busy) root.dataset.next = state.next;
  root.dataset.charging = state.charging;
  root.setAttribute('aria-busy', String(is_busy));
  for (const verb of VERBS) find(verb).disabled = is_busy || !state.may[verb];
  const why = state.off_because;
  find('charging').textContent = why === null ? (is_busy ? words.busy : words.on) : words[why];
  find('bill').textContent = state.bill ?? '–';
  find('amount').textContent = state.amount ?? '–';
  show_left();
}

function show_left() {
  const end = state.pass_expires_ms;
  const left = end === null ? null : Math.ceil((end - Date.now() - ahead_ms) / 1000);
  const text = left === null ? '–' : left > 0 ? `${left} ${words.seconds}` : words.over;
  if (find('left').textContent !== text) find('left').textContent = text;
}

for (const verb of VERBS) {
  find(verb).addEventListener('click', () => {
    // The server would say the same, and a browser's console would keep it as an error.
    if (verb === 'settle' && !state.has_visit) tell(root.dataset.noVisit);
    else line_up(() => ask(verb));
  });
}
find('take').addEventListener('click', () => scan({ phone: find('phone').value }));
box(find('code'), find('read'), (code) => scan({ code }));
camera({ button: find('camera'), view: find('view'), seen: find('seen'), words }, (code) => scan({ code }));

if (root.dataset.report) show_report(JSON.parse(root.dataset.report));
show_state();
setInterval(show_left, 500);
// Another page of this till waits for an answer: its end is soon known.
if (state.busy) setTimeout(() => location.reload(), 1000);
