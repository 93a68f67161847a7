// Writes values for a person. web/value.rs writes them the same way.

const NONE = '–';
const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

function commas(number) {
  const [whole, part] = Math.abs(number).toString().split('.');
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ',');
  return (number < 0 ? '-' : '') + grouped + (part === undefined ? '' : `.${part}`);
}

function bytes(count) {
  let unit = 0;
  let size = 1;
  while (unit < UNITS.length - 1 && Math.floor(count / size) >= 1024) {
    unit += 1;
    size *= 1024;
  }
  const whole = Math.floor(count / size);
  const tenths = Math.floor(((count % size) * 10) / size);
  return size === 1 ? `${whole} B` : `${whole}.${tenths} ${UNITS[unit]}`;
}

function span(seconds) {
  const s = Math.floor(Math.max(seconds, 0));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  return `${Math.floor(s / 86400)} d ${Math.floor((s % 86400) / 3600)} h`;
}

function utc(ms, letters) {
  return new Date(ms).toISOString().replace('T', ' ').slice(0, letters);
}

/** A value as `form` writes it; `unit` stands behind a number. */
export function shown(value, form, unit = '') {
  if (value === null || value === undefined || typeof value === 'object') {
    return form === 'text' ? '' : NONE;
  }
  switch (form) {
    case 'number':
      return commas(value) + unit;
    case 'bytes':
      return bytes(value);
    case 'span':
      return span(value);
    case 'moment':
      return utc(value * 1000, 19);
    case 'millis':
      return utc(value, 23);
    case 'clock':
      return clock(value);
    default:
      return String(value);
  }
}

/** The time of day of a moment in milliseconds, as UTC. */
export function clock(ms) {
  return utc(ms, 19).slice(11);
}
