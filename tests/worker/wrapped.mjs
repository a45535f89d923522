// Classes of objects whose environment has more than the runtime gives it: a worker's own environment
// does not reach its objects.

/** The same class, in an environment to which `more(env)` is added. */
export const withMore = (Own, more) => class {
  #own;
  constructor(context, env) {
    this.#own = new Own(context, { ...env, ...more(env) });
  }

  fetch(request) { return this.#own.fetch(request); }
  alarm() { return this.#own.alarm(); }
  webSocketMessage(...all) { return this.#own.webSocketMessage(...all); }
  webSocketClose(...all) { return this.#own.webSocketClose(...all); }
  webSocketError(...all) { return this.#own.webSocketError(...all); }
};

/** All that an entry point exports by default, in such an environment. */
export const entry = (Worker, more) => ({
  fetch: (request, env, context) => new Worker(context, { ...env, ...more(env) }).fetch(request),
});
