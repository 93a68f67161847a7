// The code on the phone's screen: symbol, ring and seconds, the next code, and what a decision says.

import { tell } from './page.js';
import { listen } from './stream.js';

const LIFE_S = 60;
const USED_MS = 2000;
const TICK_MS = 200;

const element = (id) => document.getElementById(id);

/** A symbol as the server drew it. Text of SVG runs no script when it is parsed as an image. */
function drawn(svg) {
  const parsed = new DOMParser().parseFromString(svg, 'image/svg+xml');
  return document.importNode(parsed.documentElement, true);
}

/** Shows codes. `ask` asks for one; `refresh` is called when something else has changed. */
export class Screen {
  constructor(phone, ask, refresh) {
    this.phone = phone;
    this.ask = ask;
    this.wish = { kind: 'payment', auth: 'password' };
    this.code = null;
    this.is_asking = false;
    this.asked = Promise.resolve();
    setInterval(() => this.tick(), TICK_MS);
    element('symbol').addEventListener('click', () => this.renew());
    element('renew').addEventListener('click', () => this.renew());
    for (const tab of document.querySelectorAll('[data-kind]')) {
      tab.addEventListener('click', () => this.choose({ kind: tab.dataset.kind }));
    }
    listen('phone', (event) => String(event.phone) === this.phone && this.used(event.code_id));
    listen('state', refresh);
  }

  /** Another tab, proof, or member. */
  async choose(change) {
    const before = this.wish;
    this.wish = { ...this.wish, ...change };
    const is_shown = await this.renew();
    // A password is asked for once. What was refused is not asked for again and again.
    const { password, ...after } = this.wish;
    this.wish = is_shown ? after : before;
    return is_shown;
  }

  /** Asks for the next code, after what is asked already. */
  renew() {
    this.asked = this.asked.then(() => this.fetch());
    return this.asked;
  }

  /** True: a code is shown. What goes wrong is told. */
  async fetch() {
    this.is_asking = true;
    tell();
    try {
      const { kind, ...proof } = this.wish;
      const wish = kind === 'display' ? { kind, without_region: proof.without_region } : this.wish;
      this.show((await this.ask(wish)).code);
      return true;
    } catch (error) {
      tell(error.message);
      // The seconds stand still: without an answer there is no next code.
      this.failed_at = performance.now();
      return false;
    } finally {
      this.is_asking = false;
    }
  }

  show(code) {
    this.code = code;
    this.now_ms = code.now_ms;
    this.at = performance.now();
    this.failed_at = undefined;
    element('symbol').replaceChildren(drawn(code.svg));
    element('symbol').dataset.code = code.code_id;
    element('used').hidden = true;
    element('code').hidden = false;
    element('missing').hidden = true;
    const is_payment = code.kind === 'payment';
    element('count').hidden = !is_payment;
    element('display-note').hidden = is_payment;
    element('anyway').hidden = code.region !== '000000';
    for (const tab of document.querySelectorAll('[data-kind]')) {
      tab.setAttribute('aria-pressed', String(tab.dataset.kind === code.kind));
    }
    element('proof').hidden = !is_payment;
    element('whose').hidden = false;
    this.tick();
  }

  /** No code: no place of insurance is chosen, or the phone is blank. */
  clear() {
    this.code = null;
    for (const part of ['code', 'proof', 'whose']) element(part).hidden = true;
  }

  server_now() {
    return this.now_ms + performance.now() - this.at;
  }

  tick() {
    const end = this.code?.renew_at_ms;
    if (end == null || this.is_asking || this.is_used()) return;
    const left_ms = end - this.server_now();
    const seconds = Math.min(LIFE_S, Math.max(0, Math.ceil(left_ms / 1000)));
    const place = element('seconds');
    if (place.textContent !== String(seconds)) {
      place.textContent = seconds;
      element('ring').setAttribute('stroke-dasharray', `${seconds} ${LIFE_S}`);
      element('count').classList.toggle('soon', seconds <= 10);
    }
    const may_ask = this.failed_at === undefined || performance.now() - this.failed_at > 5000;
    if (left_ms <= 0 && may_ask) this.renew();
  }

  is_used() {
    return !element('used').hidden;
  }

  /** A decision has spent the code: it is marked first, then the next one comes. */
  used(code_id) {
    if (this.code?.code_id !== code_id || this.is_used()) return;
    element('used').hidden = false;
    setTimeout(() => {
      if (this.code?.code_id === code_id) this.renew().then((is_new) => is_new || this.unmark());
    }, USED_MS);
  }

  unmark() {
    element('used').hidden = true;
  }
}
