// Decisions as rows, like those that the server makes (live/row.rs). A row opens at a click or by
// its button, and shows all fields of its line.

const ROWS_MAX = 300;
const HOUR_MS = 3600000;

function element(name, classes, text) {
  const made = document.createElement(name);
  if (classes) made.className = classes;
  if (text !== undefined) made.textContent = text;
  return made;
}

function seconds(ms) {
  const tenths = Math.floor(Math.abs(ms) / 100);
  return `${ms < 0 ? '-' : ''}${Math.floor(tenths / 10)}.${tenths % 10} s`;
}

function time_of(text) {
  const at = Date.parse(text);
  const made = element('time');
  made.dateTime = text;
  const beijing = new Date(at + 8 * HOUR_MS).toISOString();
  const utc = new Date(at).toISOString();
  made.append(
    element('span', 'beijing', `${beijing.slice(5, 10)} ${beijing.slice(11, 23)}`),
    element('span', 'utc', `${utc.slice(11, 19)} UTC`),
  );
  return made;
}

export class Rows {
  #body;
  #outcomes = new Map();
  #words;
  #waiting = [];
  #wanted = () => true;

  /** `words` are the words of closed sets, and `outcomes` the list of what each outcome means. */
  constructor(body, outcomes, words) {
    this.#body = body;
    this.#words = words;
    for (const item of outcomes.children) {
      this.#outcomes.set(item.dataset.outcome, { ...item.dataset, sentence: item.textContent });
    }
    body.addEventListener('click', ({ target }) => this.#clicked(target));
  }

  clear() {
    this.#waiting = [];
    this.#body.replaceChildren();
  }

  /** A decision, younger than all before. Many that come at once are shown at once. */
  add(decision) {
    this.#waiting.push(decision);
    if (this.#waiting.length === 1) requestAnimationFrame(() => this.#show());
  }

  /** Shows only the rows of which this is true: `(decision, kind) => boolean`. */
  choose(wanted) {
    this.#wanted = wanted;
    for (const row of this.#body.querySelectorAll('tr.decision')) this.#hide(row);
  }

  kind(outcome) {
    return this.#about(outcome).kind;
  }

  #show() {
    const rows = this.#waiting.slice(-ROWS_MAX).map((decision) => this.#row(decision));
    this.#waiting = [];
    this.#body.prepend(...rows.reverse());
    const all = this.#body.querySelectorAll('tr.decision');
    for (let at = ROWS_MAX; at < all.length; at += 1) {
      all[at].details?.remove();
      all[at].remove();
    }
  }

  #about(outcome) {
    const other = { ...this.#outcomes.get('code_used'), sentence: '', code: '', title: '' };
    return this.#outcomes.get(outcome) ?? other;
  }

  #row(decision) {
    const row = element('tr', 'decision');
    row.decision = decision;
    const about = this.#about(decision.outcome);
    row.dataset.kind = about.kind;
    const open = element('button', 'open');
    open.type = 'button';
    open.title = this.#body.dataset.open;
    open.setAttribute('aria-expanded', 'false');
    open.append(time_of(decision.time));
    const when = element('td', 'when');
    when.append(open);
    const outcome = element('td', 'outcome');
    outcome.dataset.tone = about.tone;
    const icon = element('span', 'icon', about.icon);
    icon.setAttribute('aria-hidden', 'true');
    outcome.append(icon, ` ${about.word}`);
    row.append(
      when,
      outcome,
      this.#sentence(decision, about),
      this.#route(decision),
      element('td', 'age', this.#age(decision)),
      element('td', 'spending', this.#word(decision.spending)),
      element('td', 'id', decision.request_id),
    );
    this.#hide(row);
    return row;
  }

  #sentence(decision, about) {
    const cell = element('td', 'sentence');
    if (about.sentence === '') return cell;
    const sentence = element('span', 'zh', about.sentence);
    sentence.lang = 'zh';
    cell.append(sentence);
    if (document.documentElement.lang === 'en') cell.append(element('span', 'title', about.title));
    cell.append(element('span', 'reason', `${decision.outcome} ${about.code}`));
    return cell;
  }

  #route({ route, infno, institution }) {
    const cell = element('td', 'route', route ?? '–');
    const message = [infno, institution].filter(Boolean).join(' ');
    if (message !== '') cell.append(element('span', 'message', message));
    return cell;
  }

  #age({ code_age_ms: code, pass_age_ms: pass }) {
    if (typeof code === 'number') return seconds(code);
    return typeof pass === 'number' ? `${this.#word('pass')} ${seconds(pass)}` : '–';
  }

  #word(value) {
    return this.#words.get(value)?.text ?? value;
  }

  #hide(row) {
    row.hidden = !this.#wanted(row.decision, row.dataset.kind);
    if (row.details) row.details.hidden = row.hidden || !row.is_open;
  }

  // A text that a person has marked is not closed under her hand.
  #clicked(target) {
    const row = target.closest('tr.decision');
    if (row === null || (target.closest('button') === null && String(getSelection()))) return;
    row.is_open = !row.is_open;
    row.querySelector('.open').setAttribute('aria-expanded', String(row.is_open));
    if (row.details === undefined) {
      row.details = this.#details(row);
      row.after(row.details);
    }
    row.details.hidden = !row.is_open;
  }

  #details(row) {
    const details = element('tr', 'all');
    const cell = element('td', 'fields');
    cell.colSpan = row.cells.length;
    const list = element('dl', 'figures');
    for (const [name, value] of Object.entries(row.decision)) {
      const pair = element('div');
      pair.append(element('dt', 'name', name), element('dd', 'name', value === null ? '–' : String(value)));
      list.append(pair);
    }
    cell.append(list);
    details.append(cell);
    return details;
  }
}
