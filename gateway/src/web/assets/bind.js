// Puts the values of a JSON document into a page. An element says in data-at which value it shows,
// in data-as how; data-list is an array with a row for each element. See web/table.rs.

import { shown } from './format.js';

/** The value at a path of names with full stops between them. */
export function at(data, path) {
  return path.split('.').reduce((value, name) => value?.[name], data);
}

/** The words of closed sets, from the page's hidden list. */
export function words(list) {
  const found = new Map();
  for (const item of list.querySelectorAll('[data-word]')) {
    found.set(item.dataset.word, { text: item.textContent, tone: item.dataset.tone });
  }
  return found;
}

/** Shows `data` in all elements below `root`. */
export function bind(root, data, known) {
  for (const list of root.querySelectorAll('[data-list]')) {
    fill(list, at(data, list.dataset.list) ?? [], known);
  }
  for (const element of root.querySelectorAll('[data-at]')) {
    if (!element.closest('[data-list]')) show(element, data, known);
  }
}

function fill(list, items, known) {
  const template = list.querySelector('template');
  const rows = [...list.children].filter((child) => child !== template);
  for (const row of rows.slice(items.length)) row.remove();
  items.forEach((item, index) => {
    let row = rows[index];
    if (row === undefined) {
      row = template.content.firstElementChild.cloneNode(true);
      list.append(row);
    }
    if (row.dataset.at !== undefined) show(row, item, known);
    for (const element of row.querySelectorAll('[data-at]')) show(element, item, known);
  });
}

// Touches the page only where something changed: a selection stays, and nothing is drawn anew.
function show(element, data, known) {
  const { at: path, as: form, unit } = element.dataset;
  const value = at(data, path);
  const word = form === 'word' ? known.get(value) : undefined;
  const text = word?.text ?? shown(value, form, unit);
  if (element.textContent !== text) element.textContent = text;
  if (element.dataset.tone === word?.tone) return;
  if (word?.tone === undefined) delete element.dataset.tone;
  else element.dataset.tone = word.tone;
}
