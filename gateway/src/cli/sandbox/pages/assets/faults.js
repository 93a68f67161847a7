// The switchboard: each choice holds at once, and each reason can be met by its button.

import { on_click, send, tell } from './page.js';

const FAULT = '/sandbox/fault';

function chosen(name) {
  return document.querySelector(`input[name="${name}"]:checked`).value;
}

async function set(wanted) {
  tell();
  try {
    await send(FAULT, wanted);
    location.reload();
  } catch (error) {
    tell(error.message);
  }
}

for (const name of ['backend', 'booked']) {
  for (const input of document.querySelectorAll(`input[name="${name}"]`)) {
    input.addEventListener('change', () => {
      set({ backend: chosen('backend'), booked: chosen('booked') === 'true' });
    });
  }
}
for (const input of document.querySelectorAll('input[name="scanner"]')) {
  input.addEventListener('change', () => set({ scanner: input.value }));
}
for (const input of document.querySelectorAll('input[name="table"]')) {
  input.addEventListener('change', () => set({ small_table: input.value === 'true' }));
}
for (const button of document.querySelectorAll('[data-photograph]')) {
  on_click(button, () => set({ photograph: Number(button.dataset.photograph) }));
}
for (const phone of document.querySelectorAll('[data-phone]')) {
  for (const button of phone.querySelectorAll('[data-verb]')) {
    on_click(button, async () => {
      const { verb } = button.dataset;
      const ahead_s = Number(phone.querySelector('.clock').value);
      await send(`/sandbox/phone/${phone.dataset.phone}/${verb}`, verb === 'clock' ? { ahead_s } : {});
      location.reload();
    });
  }
}
on_click(document.getElementById('load'), () => {
  return set({ load_per_s: Number(document.getElementById('per_s').value) });
});
on_click(document.getElementById('off'), () => {
  return set({ backend: 'works', booked: false, scanner: 'as_shown', small_table: false, load_per_s: 0 });
});
on_click(document.getElementById('reset'), async () => {
  await send('/sandbox/reset');
  location.reload();
});

// What came back, in the contract's own words.
function show(card, met) {
  const place = card.querySelector('.met');
  const parts = [
    `${met.status ?? ''} ${met.reason ?? met.why ?? ''}`,
    met.message_zh ?? '',
    `${met.error_code ?? ''} · ${place.dataset.request} ${met.request_id ?? ''} · ${met.ms} ms`,
  ];
  place.replaceChildren(
    ...parts.map((text, index) => {
      const line = document.createElement('span');
      line.textContent = text;
      if (index === 1) line.lang = 'zh';
      return line;
    }),
  );
  place.hidden = false;
}

function saw(reason) {
  const card = document.getElementById(reason);
  if (card === null || card.dataset.seen === 'true') return;
  card.dataset.seen = 'true';
  const state = card.querySelector('.state');
  state.textContent = `✓ ${state.dataset.seenText}`;
  const count = document.getElementById('seen');
  count.textContent = String(Number(count.textContent) + 1);
}

for (const button of document.querySelectorAll('[data-reason]')) {
  on_click(button, async () => {
    const { met } = await send(FAULT, { reason: button.dataset.reason });
    show(button.closest('.reason'), met);
    if (met.reason !== undefined) saw(met.reason);
  });
}
