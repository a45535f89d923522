// The built worker with a stand-in for the binding `VECTORIZE`, which asks its service as the runtime's own
// does (workerd, src/cloudflare/internal/vectorize-api.ts): the service is the simulator, where what is
// stored is, for objects in several isolates. Both the worker and its objects have it.
import Tributary, { CallerObject as Callers, CollectionObject as Collections, SessionObject as Sessions } from '../../build/index.js';
import { entry, withMore } from './wrapped.mjs';

class Vectorize {
  #url;
  constructor(url) {
    this.#url = url;
  }

  describe() { return this.#send('INDEX_GET', 'info', {}); }

  async query(vector, options = {}) {
    if (options.returnMetadata && !['all', 'indexed', 'none', true].includes(options.returnMetadata)) {
      throw new Error(`Invalid returnMetadata option. Expected: true, false, "none", "indexed" or "all"; got: ${options.returnMetadata}`);
    }
    const returnMetadata = typeof options.returnMetadata === 'boolean' ? (options.returnMetadata ? 'all' : 'none') : options.returnMetadata;
    return this.#send('VECTOR_QUERY', 'query', { ...plain(options), returnMetadata, vector: numbers(vector) });
  }

  async upsert(vectors) {
    const list = vectors.map((one) => ({ ...plain(one), metadata: one.metadata && plain(one.metadata), values: numbers(one.values) }));
    return this.#send('VECTOR_UPSERT', 'upsert', { vectors: list });
  }

  deleteByIds(ids) { return this.#send('VECTOR_DELETE', 'deleteByIds', { ids }); }

  async #send(operation, endpoint, body) {
    const headers = { 'content-type': 'application/json', accept: 'application/json' };
    const response = await fetch(`${this.#url}/${endpoint}`, { method: 'POST', headers, body: JSON.stringify(body) });
    if (response.status === 200) return response.json();
    const told = await response.json().catch(() => undefined);
    if (!told) throw new Error(`${operation}_ERROR: Status + ${response.status}`);
    throw new Error(`${operation}_ERROR${typeof told.code === 'number' ? ` (code = ${told.code})` : ''}: ${told.error}`);
  }

  /** To a stub of a remote object every name is a method. */
  toJSON() {
    throw new Error('it has no such method');
  }
}

/** A map would be sent as an empty object. */
function plain(value) {
  if (Object.getPrototypeOf(value) !== Object.prototype) throw new Error(`no plain object but ${Object.prototype.toString.call(value)}`);
  return value;
}

const numbers = (vector) => (Array.isArray(vector) ? vector : Array.from(vector));

const more = (env) => ({ VECTORIZE: new Vectorize(env.VECTORIZE_URL) });

export const CallerObject = withMore(Callers, more);
export const SessionObject = withMore(Sessions, more);
export const CollectionObject = withMore(Collections, more);
export default entry(Tributary, more);

export { AccountObject, CacheObject, KeyringObject, LedgerObject } from '../../build/index.js';
