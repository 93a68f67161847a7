// The ways by which a code comes to a till: a wedge scanner, which types like a person, and a camera.

const SILENCE_MS = 80;
// A code of ours that is not whole yet: a browser that is busy gets the keys late.
const SILENCE_WITHIN_MS = 1000;
const CODE_DIGITS = 255;
// What a person types is shorter, or slower: it ends with Enter or the button.
const SCANNED_CHARACTERS_MIN = 16;
const WIDTH = 640;
const HEIGHT = 480;
const LOOK_MS = 250;

/** Calls `found` with each text that a scanner types: it ends at Enter, Tab or silence. */
export function box(input, button, found) {
  let silence;
  const end = () => {
    clearTimeout(silence);
    const code = input.value.trim();
    input.value = '';
    input.focus();
    if (code !== '') found(code);
  };
  input.addEventListener('keydown', (event) => {
    if (event.isComposing || input.value.trim() === '') return;
    if (event.key !== 'Enter' && (event.key !== 'Tab' || event.shiftKey)) return;
    // The next field must not get the rest.
    event.preventDefault();
    end();
  });
  input.addEventListener('input', (event) => {
    clearTimeout(silence);
    if (event.isComposing || input.value.trim().length < SCANNED_CHARACTERS_MIN) return;
    silence = setTimeout(end, is_part(input.value.trim()) ? SILENCE_WITHIN_MS : SILENCE_MS);
  });
  button.addEventListener('click', end);
  // A scanner types wherever the focus is, and its first key must not be lost.
  document.addEventListener('keydown', ({ key, target, ctrlKey, metaKey, altKey }) => {
    const is_text = key.length === 1 && key !== ' ' && !ctrlKey && !metaKey && !altKey;
    if (is_text && target.closest('input, select') === null) input.focus();
  });
}

// Of all codes that a till meets ours alone begin with 0.
function is_part(text) {
  return /^[0０][0-9０-９]*$/.test(text) && text.length < CODE_DIGITS;
}

/** Looks through the camera four times a second, and calls `found` with each new text. */
export function camera({ button, view, seen, words }, found) {
  let stream = null;
  let last = '';
  const canvas = document.createElement('canvas');
  canvas.width = WIDTH;
  canvas.height = HEIGHT;
  const pen = canvas.getContext('2d', { willReadFrequently: true });

  async function look() {
    pen.drawImage(view, 0, 0, WIDTH, HEIGHT);
    const { data } = pen.getImageData(0, 0, WIDTH, HEIGHT);
    const grey = new Uint8Array(WIDTH * HEIGHT);
    for (let i = 0; i < grey.length; i += 1) {
      grey[i] = (data[4 * i] * 77 + data[4 * i + 1] * 150 + data[4 * i + 2] * 29) >> 8;
    }
    const answer = await fetch(`/sandbox/scan?width=${WIDTH}&height=${HEIGHT}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/octet-stream' },
      body: grey,
      cache: 'no-store',
    });
    if (answer.status !== 200) return;
    const { text } = await answer.json();
    // The same code stays in front of the camera for a while.
    if (text === last || stream === null) return;
    last = text;
    found(text);
  }

  async function watch(of) {
    while (stream === of) {
      const next = new Promise((resume) => setTimeout(resume, LOOK_MS));
      // A frame that is lost is followed by another one.
      if (view.readyState >= 2) await look().catch(() => {});
      await next;
    }
  }

  function show(is_on) {
    view.hidden = !is_on;
    button.setAttribute('aria-pressed', String(is_on));
    button.textContent = is_on ? words.camera_off : words.camera;
  }

  function stop() {
    for (const track of stream?.getTracks() ?? []) track.stop();
    stream = null;
    view.srcObject = null;
    show(false);
    seen.textContent = '';
  }

  async function start() {
    if (!navigator.mediaDevices?.getUserMedia) throw new Error(words.camera_shared);
    const video = { width: WIDTH, height: HEIGHT, facingMode: 'environment' };
    stream = await navigator.mediaDevices.getUserMedia({ video });
    last = '';
    view.srcObject = stream;
    show(true);
    seen.textContent = words.camera_looks;
    await view.play();
    watch(stream);
  }

  button.addEventListener('click', async () => {
    if (stream !== null) return stop();
    button.disabled = true;
    try {
      await start();
    } catch (error) {
      stop();
      seen.textContent = why(error, words);
    } finally {
      button.disabled = false;
    }
  });
}

function why(error, words) {
  switch (error.name) {
    case 'NotAllowedError':
    case 'SecurityError':
      return words.camera_refused;
    case 'NotFoundError':
    case 'OverconstrainedError':
      return words.camera_none;
    case 'Error':
      return error.message;
    default:
      return `${words.camera_failed} ${error.message}`;
  }
}
