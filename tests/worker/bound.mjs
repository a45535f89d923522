// @ts-check
/**
 * The built worker with the runtime's own binding `AI`, whose service is the simulator instead of an
 * account's. wrangler offers no such thing, but the Miniflare inside it does: what it would send to its
 * proxy in the cloud goes to the simulator, as `{inputs, options}` with the model in a header.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { startSimulator } from '../simulator/simulator.mjs';
import { ROOT } from './harness.mjs';

const BUILD = `${ROOT}build/`;
const fromWrangler = createRequire(createRequire(import.meta.url).resolve('wrangler'));

/** @param {Record<string, string>} vars */
export async function startBound(vars) {
  const { Miniflare } = fromWrangler('miniflare');
  const simulator = await startSimulator();
  const text = Object.entries(vars).map(([name, value]) => [name, { type: 'text', value }]);
  const modules = {
    'index.js': { type: 'esm', contents: readFileSync(`${BUILD}index.js`, 'utf8') },
    'index_bg.wasm': { type: 'wasm', contents: readFileSync(`${BUILD}index_bg.wasm`) },
  };
  const runtime = new Miniflare({
    host: '127.0.0.1',
    port: 0,
    cf: false,
    logRequests: false,
    handleStructuredLogs: () => {},
    workers: [{
      config: {
        name: 'tributary',
        compatibilityDate: /compatibility_date = "(.*)"/.exec(readFileSync(`${ROOT}wrangler.toml`, 'utf8'))?.[1],
        manifest: { mainModule: 'index.js', modulesRoot: BUILD, modules },
        env: { AI: { type: 'ai', dev: { remote: true } }, RETRY_BASE_MS: { type: 'text', value: '1' }, ...Object.fromEntries(text) },
      },
      dev: { remoteProxyConnectionString: new URL(simulator.url) },
    }],
  });
  const { port } = await runtime.ready;
  return {
    simulator,
    worker: { port: Number(port), headers: {} },
    async stop() {
      await runtime.dispose();
      await simulator.stop();
    },
  };
}
