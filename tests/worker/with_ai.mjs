// The built worker with a stand-in for the binding `AI`, as it was before `returnRawResponse`: it gives
// a stream, or an object, or throws. The request behind it goes to the simulator.
import Tributary from '../../build/index.js';

export { CallerObject, SessionObject } from '../../build/index.js';

class Ai {
  #url;
  constructor(url) {
    this.#url = url;
  }

  async run(model, inputs, { signal }) {
    if (Object.getPrototypeOf(inputs) !== Object.prototype) throw new Error('5004: the inputs are no plain object');
    signal.addEventListener('abort', () => console.log(`the signal for ${model} fired`));
    const response = await fetch(`${this.#url}/ai/run/${model}`, { method: 'POST', body: JSON.stringify(inputs), signal });
    if (!response.ok) {
      const { internalCode, description } = await response.json();
      throw new Error(`${internalCode}: ${description}`);
    }
    return response.headers.get('content-type') === 'application/json' ? response.json() : response.body;
  }

  /** To a stub of a remote object every name is a method. */
  toJSON() {
    throw new Error('it has no such method');
  }
}

export default {
  fetch: (request, env, context) => new Tributary(context, { ...env, AI: new Ai(env.AI_URL) }).fetch(request),
};
