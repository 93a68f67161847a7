// What every page of the sandbox does: it sends what a person asks for, and shows what went wrong.

import { listen } from './stream.js';

/** Sends a JSON body and returns the answer, or throws an error with a sentence for the person. */
export async function send(path, body = {}) {
  const lang = document.documentElement.lang;
  let answer;
  try {
    answer = await fetch(`${path}?lang=${lang}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
      cache: 'no-store',
    });
  } catch {
    throw new Error(document.getElementById('told').dataset.gone);
  }
  const data = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(data.error ?? `${answer.status}`);
  return data;
}

/** Asks for JSON. */
export async function get(path) {
  const answer = await fetch(path, { cache: 'no-store' });
  if (!answer.ok) throw new Error(`${answer.status}`);
  return answer.json();
}

/** Shows a sentence where a screen reader finds it; none hides it. */
export function tell(sentence = '') {
  const place = document.getElementById('told');
  place.textContent = sentence;
  place.hidden = sentence === '';
}

/** Runs what a button asks for, once at a time, and tells what goes wrong. */
export function on_click(button, action) {
  button.addEventListener('click', async () => {
    if (button.getAttribute('aria-busy') === 'true') return;
    button.setAttribute('aria-busy', 'true');
    tell();
    try {
      await action(button);
    } catch (error) {
      tell(error.message);
    } finally {
      button.removeAttribute('aria-busy');
    }
  });
}

/** Submits a form by `action`, once at a time, and tells what goes wrong. */
export function on_submit(form, action) {
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    if (form.getAttribute('aria-busy') === 'true') return;
    form.setAttribute('aria-busy', 'true');
    tell();
    try {
      await action(form.elements);
    } catch (error) {
      tell(error.message);
    } finally {
      form.removeAttribute('aria-busy');
    }
  });
}

// What is switched on holds for all pages, so a page that is open is told too.
async function show_switched_on() {
  const place = document.getElementById('on');
  const { on } = await get(`/sandbox/state?lang=${document.documentElement.lang}`);
  place.textContent = on.length === 0 ? '' : `${place.dataset.label}: ${on.join(' · ')}`;
  place.hidden = on.length === 0;
}

// Later, because the page's own module says first from where on it wants decisions.
setTimeout(() => listen('state', () => show_switched_on().catch(() => {})));
