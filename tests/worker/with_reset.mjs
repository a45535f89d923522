// The built worker with one more route: `POST /api/reset/{session}` resets the session's object, as the
// platform does when it likes. What the object had in memory is gone; the isolate and its Wasm stay.
import Tributary, { SessionObject as Own } from '../../build/index.js';

export { AccountObject, CacheObject, CallerObject, CollectionObject, KeyringObject, LedgerObject } from '../../build/index.js';

export class SessionObject {
  #context;
  #own;
  constructor(context, env) {
    this.#context = context;
    this.#own = new Own(context, env);
  }

  fetch(request) {
    if (new URL(request.url).pathname === '/reset') this.#context.abort('a test resets it');
    return this.#own.fetch(request);
  }

  alarm() { return this.#own.alarm(); }
  webSocketMessage(...all) { return this.#own.webSocketMessage(...all); }
  webSocketClose(...all) { return this.#own.webSocketClose(...all); }
  webSocketError(...all) { return this.#own.webSocketError(...all); }
}

const RESET = '/api/reset/';

export default {
  async fetch(request, env, context) {
    const { pathname } = new URL(request.url);
    if (!pathname.startsWith(RESET)) return new Tributary(context, env).fetch(request);
    await env.SESSIONS.getByName(pathname.slice(RESET.length)).fetch('https://session/reset').catch(() => {});
    return new Response(null, { status: 204 });
  },
};
