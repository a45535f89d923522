// The built worker with a stand-in for the binding `AI`, as it was before `returnRawResponse`: it gives
// a stream, or an object, or throws. The request behind it goes to the simulator. The worker's objects
// have it too.
import Tributary, { CallerObject as Callers, CollectionObject as Collections, SessionObject as Sessions } from '../../build/index.js';
import { entry, withMore } from './wrapped.mjs';

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

const more = (env) => ({ AI: new Ai(env.AI_URL) });

export const CallerObject = withMore(Callers, more);
export const SessionObject = withMore(Sessions, more);
export const CollectionObject = withMore(Collections, more);
export default entry(Tributary, more);

export { AccountObject, CacheObject, KeyringObject, LedgerObject } from '../../build/index.js';
