// @ts-check
/** A worker with simulated providers behind it, as most tests want it. */
import { startSimulator } from '../simulator/simulator.mjs';
import { startWorker } from './harness.mjs';

/** Keys that occur nowhere else, so that a search for them proves something. */
export const OPENAI_KEY = 'sk-simulated-0penai-7f3a9c-must-never-be-shown';
export const ANTHROPIC_KEY = 'sk-ant-simulated-c1aude-e02d4b-must-never-be-shown';
export const TOGETHER_KEY = 'tg-simulated-t0gether-51be20-must-never-be-shown';
export const GEMINI_KEY = 'gm-simulated-gem1n1-93d7b1-must-never-be-shown';
export const CLOUDFLARE_KEY = 'cf-simulated-c10udflare-9d2e71-must-never-be-shown';
export const CALLER_KEY = 'ck-simulated-ca11er-c0ffee-must-never-be-shown';

/** The model that the tests ask `together` for; the only one that its list allows. */
export const TOGETHER_MODEL = 'simulated/llama';

/** Retries at once: what is tested is whether and when one is allowed, not how long it dawdles. */
const HASTY = { RETRY_BASE_MS: '1', RETRY_CAP_MS: '2' };

/**
 * @param {Record<string, string> | ((simulatorUrl: string) => Record<string, string>)} [vars]
 * @param {{ entrypoint?: string, persist?: string }} [options]
 */
export async function startGateway(vars = {}, options = {}) {
  const simulator = await startSimulator();
  const start = () => startWorker({
    ...options,
    vars: {
      OPENAI_API_KEY: OPENAI_KEY,
      OPENAI_BASE_URL: `${simulator.url}/v1`,
      ANTHROPIC_API_KEY: ANTHROPIC_KEY,
      ANTHROPIC_BASE_URL: simulator.url,
      TOGETHER_API_KEY: TOGETHER_KEY,
      TOGETHER_BASE_URL: `${simulator.url}/together/v1`,
      TOGETHER_MODELS: TOGETHER_MODEL,
      OLLAMA_BASE_URL: simulator.url,
      GEMINI_API_KEY: GEMINI_KEY,
      GEMINI_BASE_URL: `${simulator.url}/gemini/v1beta`,
      ...HASTY,
      ...(typeof vars === 'function' ? vars(simulator.url) : vars),
    },
  });
  const gateway = {
    simulator,
    worker: await start(),
    /** Kills the worker and starts it again, on the same storage if it has a folder for it. */
    async crash() {
      await gateway.worker.kill();
      gateway.worker = await start();
    },
    async stop() {
      await gateway.worker.stop();
      await simulator.stop();
    },
  };
  return gateway;
}
