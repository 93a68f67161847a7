// The phone: its account, and what the gateway holds. Codes are in screen.js, the first steps in
// activation.js.

import { Activation, check } from './activation.js';
import { on_click, on_submit, send } from './page.js';
import { Screen } from './screen.js';

const element = (id) => document.getElementById(id);
const all = (selector) => [...document.querySelectorAll(selector)];
const handset = element('phone');
const id = handset.dataset.phone;

let state = JSON.parse(handset.dataset.state);

async function verb(name, body = {}) {
  const answer = await send(`/sandbox/phone/${id}/${name}`, body);
  render(answer);
  return answer;
}

const activation = new Activation(
  async (wish) => {
    await verb('activate', wish);
    activation.close();
    await begin();
  },
  () => render(state),
);
const screen = new Screen(id, (wish) => verb('show', wish), () => refresh().catch(() => {}));

/** What is known now: the page as it would be if it were loaded again. */
async function refresh() {
  const answer = await fetch(location.href, { cache: 'no-store' });
  const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
  const now = page.getElementById('phone')?.dataset.state;
  if (now !== undefined) render(JSON.parse(now));
}

/* What is known */

function render(now) {
  state = now;
  if (now.shown?.is_spent) screen.used(now.shown.code_id);
  if (activation.is_open()) return;
  const one = now.activation;
  element('blank').hidden = one !== null;
  element('card').hidden = one === null;
  element('account').hidden = one === null;
  if (one === null) return;
  element('whose-phone').textContent = one.name;
  element('holder').textContent = one.name;
  element('region').textContent = one.region_name ?? '–';
  element('subject').textContent = one.subject;
  element('epoch').textContent = one.epoch;
  for (const place of all('[data-shows]')) place.textContent = one[place.dataset.shows];
  element('clock-off').hidden = now.clock_ahead_s === 0;
  element('clock-ahead').textContent = now.clock_ahead_s;
  const next = element('to-new-phone');
  if (next !== null && now.next_phone !== null) {
    const lang = document.documentElement.lang;
    next.href = `/phone?phone=${now.next_phone}&person=${one.person}&lang=${lang}`;
  }
  holds(one);
  members(one);
  uses(one);
  if (now.change !== undefined) result(now.change);
}

function holds(one) {
  for (const row of all('[data-hold]')) {
    const cause = row.dataset.hold;
    const held = one.holds.find((hold) => hold.cause === cause);
    row.hidden = held === undefined && !(cause === 'unbound' && one.is_unbound);
    const until = row.querySelector('.until');
    const words = until.dataset;
    const whose = held?.relation ? `${words.member} ${held.relation} ` : '';
    const end = held?.until ? `${words.until} ${held.until}` : words.endless;
    until.textContent = held === undefined ? '' : ` ${whose}${end}`;
    row.dataset.relation = held?.relation ?? 0;
  }
}

function members(one) {
  fill(element('members'), one.members, (row, member) => {
    row.querySelector('.wait').hidden = member.wait_s === 0;
    on_click(row.querySelector('button'), () => verb('member-remove', { relation: member.relation }));
  });
  element('no-members').hidden = one.members.length > 0;
  const choice = element('relation');
  choice.replaceChildren(choice.options[0]);
  for (const member of one.members) choice.add(new Option(member.name, member.relation));
  choice.value = one.shown_relation;
}

function uses(one) {
  fill(element('uses'), one.usage, (row, use) => {
    row.dataset.refused = use.is_refused;
    const at = new Date(use.time);
    row.querySelector('time').dateTime = use.time;
    row.querySelector('time').textContent = at.toLocaleString(document.documentElement.lang);
  });
  element('no-uses').hidden = one.usage.length > 0;
}

/** A row of the list's template for each item. */
function fill(list, items, finish) {
  const template = list.querySelector('template');
  const rows = items.map((item) => {
    const row = template.content.firstElementChild.cloneNode(true);
    for (const place of row.querySelectorAll('[data-at]')) {
      place.textContent = item[place.dataset.at] ?? '';
    }
    finish(row, item);
    return row;
  });
  list.replaceChildren(template, ...rows);
}

/** From when the gateway honours a change. */
function result(change) {
  const place = element('result');
  const words = place.dataset;
  const at = (time) => new Date(time).toLocaleTimeString(document.documentElement.lang,
    { hour12: false, fractionalSecondDigits: 3, hour: '2-digit', minute: '2-digit', second: '2-digit' });
  place.textContent = change === null ? words.saved
    : `${words.acknowledged} ${at(change.acknowledged_at)} · ${words.honoured} ${at(change.honoured_from)}`
      + `${change.changed ? '' : ` · ${words.unchanged}`}`;
  place.hidden = false;
}

/* The code */

/** Shows the first code, if the phone has all that one needs. */
async function begin() {
  screen.wish = { kind: 'payment', auth: 'password' };
  const is_missing = state.activation?.region === null;
  element('missing').hidden = !is_missing;
  if (is_missing) screen.clear();
  else if (state.activation !== null) await screen.renew();
}

on_click(element('show-anyway'), () => screen.choose({ without_region: true }));
on_click(element('choose-region'), () => open(all('[data-panel="place"]')[0], true));

const proof = element('proof');
for (const way of proof.elements.auth) {
  way.addEventListener('change', () => {
    const needs_password = way.value === 'password';
    element('typed').hidden = !needs_password;
    if (needs_password) proof.elements.typed.focus();
    else screen.choose({ auth: way.value });
  });
}
on_submit(proof, async (fields) => {
  check(proof);
  const is_shown = await screen.choose({ auth: 'password', password: fields.typed.value });
  fields.typed.value = '';
  element('typed').hidden = is_shown;
});

element('relation').addEventListener('change', (event) => {
  const relation = Number(event.target.value);
  if (screen.code === null) event.target.value = state.activation.shown_relation;
  else screen.choose({ relation });
});

/* The account */

function open(button, is_open) {
  for (const other of all('[data-panel]')) {
    const shows = other === button && is_open;
    other.setAttribute('aria-expanded', String(shows));
    element(other.dataset.panel).hidden = !shows;
  }
  if (is_open) element(button.dataset.panel).scrollIntoView({ block: 'nearest' });
}

for (const button of all('[data-panel]')) {
  button.addEventListener('click', () => open(button, button.getAttribute('aria-expanded') !== 'true'));
}

for (const name of ['freeze', 'unfreeze', 'unbind', 'report-loss']) {
  on_click(element(name), () => verb(name));
}
on_click(element('refresh'), refresh);
for (const row of all('[data-hold]')) {
  const { hold: cause } = row.dataset;
  on_click(row.querySelector('button'), () => (cause === 'unbound'
    ? activation.open()
    : verb('unfreeze', { cause, relation: Number(row.dataset.relation) })));
}

on_submit(element('member'), async (fields) => {
  await verb('member-add', fields.name.value.trim() === '' ? {} : { name: fields.name.value });
  fields.name.value = '';
});
on_submit(element('region-form'), async (fields) => {
  await verb('region', { region: fields.place.value || null });
  result(null);
  await begin();
});
on_submit(element('password-form'), async (fields) => {
  check(element('password-form'));
  const typed = (name) => [name, fields[name].value];
  await verb('password', Object.fromEntries(['old', 'new', 'again'].map(typed)));
  for (const name of ['old', 'new', 'again']) fields[name].value = '';
  result(null);
});
on_submit(element('clock-form'), async (fields) => {
  await verb('clock', { ahead_s: Number(fields.ahead_s.value) });
  result(null);
  if (screen.code !== null) await screen.renew();
});

render(state);
begin();
