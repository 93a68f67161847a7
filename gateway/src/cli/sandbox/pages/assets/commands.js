// Copies a command. Where a browser gives pages no clipboard, the command is marked instead.

import './page.js';

async function copy(button) {
  const text = document.getElementById(button.dataset.copies);
  try {
    await navigator.clipboard.writeText(text.textContent);
    button.textContent = button.dataset.copied;
  } catch {
    getSelection().selectAllChildren(text);
    button.textContent = button.dataset.marked;
  }
  setTimeout(() => {
    button.textContent = button.dataset.copy;
  }, 3000);
}

for (const button of document.querySelectorAll('button[data-copies]')) {
  button.hidden = false;
  button.addEventListener('click', () => copy(button));
}
