// The page's one stream of events, /sandbox/events. A browser opens six connections to one host, and
// a stream holds one of them. So a page opens at most one, and none while it is hidden.
//
//   import { listen, server_now } from './stream.js';
//   listen('decision', (decision, { is_new }) => ...);  a line of the decision record, each once
//   listen('phone', ({ phone, code_id, request_id }) => ...);  a decision has spent a shown code
//   listen('counters', (counters) => ...);  each second; see the server's events/counters.rs
//   listen('state', () => ...);  something changed, or may have: ask /sandbox/state
//   listen('hello', ({ now_unix_ms, is_resumed, counters }) => ...);  each time the stream opens
//   listen('silent', (is_silent) => ...);  true: the sandbox does not answer; false: it does again
//   server_now()  the server's time in ms; before the first hello, this machine's
//   begin_after(id)  before the first listen: the last decision that the page already shows
//
// The first `listen` opens the stream. A decision or phone event from before the page was opened has
// `is_new` false. After a pause the stream goes on where it was, so no decision is lost or comes twice.
// If `hello` says `is_resumed` false after the first time, what came meanwhile is lost.

const AGAIN_MS = 5000;
const NAMES = ['hello', 'decision', 'phone', 'counters', 'state'];

const listeners = new Map();
let source = null;
let timer = null;
let last_id = null;
let ahead_ms = 0;
let opened_ms = null;
let has_opened = false;
let is_silent = false;

export function server_now() {
  return Date.now() + ahead_ms;
}

export function begin_after(id) {
  if (id) last_id = id;
}

/** Calls `take` with the data of each event of this name. */
export function listen(name, take) {
  const known = listeners.get(name) ?? [];
  listeners.set(name, [...known, take]);
  if (source === null && timer === null) open();
}

function tell(name, data, about) {
  for (const take of listeners.get(name) ?? []) take(data, about);
}

function tell_silent(now_silent) {
  if (is_silent === now_silent) return;
  is_silent = now_silent;
  tell('silent', is_silent);
}

function open() {
  clearTimeout(timer);
  timer = null;
  if (source !== null || document.visibilityState === 'hidden') return;
  const after = last_id === null ? '' : `?after=${encodeURIComponent(last_id)}`;
  source = new EventSource(`/sandbox/events${after}`);
  for (const name of NAMES) source.addEventListener(name, take_event);
  source.addEventListener('error', failed);
}

function close() {
  clearTimeout(timer);
  timer = null;
  source?.close();
  source = null;
}

function take_event({ type, data, lastEventId: id }) {
  const value = JSON.parse(data);
  if (value.now_unix_ms !== undefined) ahead_ms = value.now_unix_ms - Date.now();
  if (type === 'hello') {
    opened_ms ??= value.now_unix_ms;
    tell_silent(false);
  }
  if (id) last_id = id;
  // While there was no stream, something else may have changed.
  const is_again = type === 'hello' && has_opened;
  if (type === 'hello') has_opened = true;
  const is_new = value.time === undefined || Date.parse(value.time) >= opened_ms;
  tell(type, value, { id, is_new });
  if (is_again) tell('state', value);
}

// A browser comes again by itself, unless the answer was none of a stream: 503, or another program.
function failed() {
  tell_silent(true);
  if (source?.readyState !== EventSource.CLOSED) return;
  close();
  timer = setTimeout(open, AGAIN_MS);
}

document.addEventListener('visibilitychange', () => {
  if (document.visibilityState === 'hidden') close();
  else if (listeners.size > 0) open();
});

// A page that is left for another one gives its connection back at once.
window.addEventListener('pagehide', close);
window.addEventListener('pageshow', () => {
  if (listeners.size > 0) open();
});
