// Shows the messages of an exchange to developers: what was sent, what came, and how to send it.

const KINDS = ['HTTP', 'curl', 'Java 11', 'C#', 'Python'];

/** The elements of a report's exchanges, in their order. */
export function exchanges(report, words) {
  return [...report.earlier, report].flatMap((one) => exchange(one, words));
}

function exchange({ request, response, failure, milliseconds, samples }, words) {
  const asked = [`${request.method} ${request.target}`, ...fields(request.headers), '', request.body];
  const heard = response === null
    ? [`${words.no_response} ${failure}`]
    : [`HTTP ${response.status}`, ...fields(response.headers), '', readable(response.body)];
  return [
    titled(words.request, asked.join('\n')),
    titled(`${words.response} (${milliseconds} ${words.ms})`, heard.join('\n')),
    ...KINDS.map((name) => folded(name, samples[name])),
  ];
}

function fields(headers) {
  return Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
}

function readable(body) {
  try {
    return JSON.stringify(JSON.parse(body), null, 2);
  } catch {
    return body;
  }
}

function block(text) {
  const pre = document.createElement('pre');
  pre.textContent = text;
  // A wide line is scrolled, also by the keyboard.
  pre.tabIndex = 0;
  return pre;
}

function titled(title, text) {
  const part = document.createElement('div');
  const heading = document.createElement('h2');
  heading.textContent = title;
  part.append(heading, block(text));
  return part;
}

function folded(title, text) {
  const part = document.createElement('details');
  const summary = document.createElement('summary');
  summary.textContent = title;
  part.append(summary, block(text));
  return part;
}
