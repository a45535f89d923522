// @ts-check
// The API's description, to read and to try. Swagger UI does it; here is what it needs to know, and what it lacks: it
// shows an answer when that is complete, and a gateway of streams has to show them as they come.

/** @type {any} */
const { SwaggerUIBundle } = window;

const STREAMS = /^(text\/event-stream|application\/x-ndjson)\b/;
const PAUSE = 100; // milliseconds between two looks at a growing answer: each one is drawn anew

const dark = matchMedia('(prefers-color-scheme: dark)');
const dress = () => document.documentElement.classList.toggle('dark-mode', dark.matches);
dark.addEventListener('change', dress);
dress();

SwaggerUIBundle({
  url: '/openapi.json',
  dom_id: '#api',
  presets: [SwaggerUIBundle.presets.apis],
  plugins: [growing],
  layout: 'BaseLayout',
  deepLinking: true,
  displayRequestDuration: true,
  docExpansion: 'list',
  filter: true,
  persistAuthorization: false, // keys are not kept
  tryItOutEnabled: true,
  validatorUrl: null, // which would be elsewhere
});

/** Shows what has come of a stream while it comes. */
function growing() {
  const executeRequest = (/** @type {any} */ execute, /** @type {any} */ { specActions }) => (/** @type {any} */ request) => {
    const { pathName, method } = request;
    const show = (/** @type {any} */ answer) => specActions.setResponse(pathName, method, answer);
    return execute({ ...request, userFetch: (/** @type {string} */ url, /** @type {any} */ options) => shown(url, options, show) });
  };
  return { statePlugins: { spec: { wrapActions: { executeRequest } } } };
}

/**
 * Fetches; an answer that streams is shown on its way.
 * @param {string} url @param {RequestInit} options @param {(answer: any) => void} show
 */
async function shown(url, options, show) {
  const answer = await fetch(url, options);
  if (!answer.body || !STREAMS.test(answer.headers.get('content-type') ?? '')) return answer;
  const { ok, status, statusText } = answer;
  const headers = Object.fromEntries(answer.headers);
  const [watched, kept] = answer.body.tee();
  grow(watched, (text) => show({ ok, url, status, statusText, headers, text, data: text }));
  return new Response(kept, answer);
}

/** @param {ReadableStream<Uint8Array<ArrayBuffer>>} body @param {(text: string) => void} show */
async function grow(body, show) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  let drawn = 0;
  try {
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
      text += piece.value;
      if (performance.now() - drawn < PAUSE) continue;
      show(text);
      drawn = performance.now();
    }
  } catch {
    // It broke off: whoever waits for the whole of it says so.
  }
}
