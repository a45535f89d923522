// The built worker with a stand-in for the binding `AI`, which would need an account. It follows the
// binding's code in the runtime: the request goes to the simulator, with the caller's signal.
// Models of `@cf/older/` get the binding as it was before `returnRawResponse`.
import Tributary from '../../build/index.js';

class Ai {
  #url;
  constructor(url) {
    this.#url = url;
  }

  async run(model, inputs, { returnRawResponse, signal } = {}) {
    if (Object.getPrototypeOf(inputs) !== Object.prototype) throw new Error('5004: the inputs are no plain object');
    const response = await fetch(`${this.#url}/ai/run/${model}`, { method: 'POST', body: JSON.stringify(inputs), signal });
    if (returnRawResponse && !model.startsWith('@cf/older/')) return response;
    if (!response.ok) {
      const { internalCode, description } = await response.json();
      throw new Error(`${internalCode}: ${description}`);
    }
    return response.headers.get('content-type') === 'application/json' ? response.json() : response.body;
  }

  /** A stub of a remote object takes any name for a method of its own. */
  toJSON() {
    throw new Error('not a method');
  }
}

export default {
  fetch: (request, env, context) => new Tributary(context, { ...env, AI: new Ai(env.AI_URL) }).fetch(request),
};
