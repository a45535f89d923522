// @ts-check
/**
 * The built worker on the real runtime, with real sockets on both sides.
 *
 * It is started by the machinery of `wrangler dev`, but asked directly: wrangler puts a proxy in
 * front (`devUrl`) that keeps the worker from noticing clients who leave. wrangler's
 * `createTestHarness` has that proxy too, passes the worker's own fetches through this process,
 * where an aborted one is not noticed upstream, and reads `.dev.vars`.
 */
import { EventEmitter, once } from 'node:events';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

// Offline and silent. wrangler reads these when it is loaded, hence the late import below.
Object.assign(process.env, {
  CLOUDFLARE_CF_FETCH_ENABLED: 'false',
  CLOUDFLARE_LOAD_DEV_VARS_FROM_DOT_ENV: 'false',
  WRANGLER_SEND_METRICS: 'false',
  WRANGLER_SEND_ERROR_REPORTS: 'false',
  WRANGLER_HIDE_BANNER: 'true',
  WRANGLER_WRITE_LOGS: 'false',
  WRANGLER_LOG: 'none',
});

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/**
 * @typedef {object} Log
 * @property {string} level
 * @property {string} message
 * @typedef {Awaited<ReturnType<typeof startWorker>>} Worker
 */

/** One start at a time, so that the processes which a start adds are its own. */
let starting = Promise.resolve();

/**
 * @typedef {object} Options
 * @property {Record<string, string>} [vars]
 * @property {string} [config]
 * @property {string} [entrypoint]  Another module than the worker's own.
 * @property {string} [persist]  A folder for what objects store; without it, that ends with the worker.
 */

/**
 * Starts the worker that `npm run build` left behind, with these variables and no others than
 * those in its wrangler.toml.
 *
 * @param {Options} [options]
 */
export function startWorker(options = {}) {
  const started = starting.then(() => start(options));
  starting = started.then(() => {}, () => {});
  return started;
}

/** @param {Options} options */
async function start({ vars = {}, config = `${ROOT}wrangler.toml`, entrypoint, persist }) {
  if (!existsSync(config)) throw new Error(`no ${config}`);
  const { unstable_DevEnv: DevEnv } = await import('wrangler');
  /** @type {Log[]} */
  const logs = [];
  const news = new EventEmitter();
  const before = new Set(runtimes());
  const environment = new DevEnv();
  const loaded = once(environment, 'reloadComplete');
  const worker = await environment.startWorker({
    config,
    entrypoint,
    // A named file, though an empty one, keeps wrangler from looking for `.dev.vars`.
    envFiles: ['/dev/null'],
    bindings: Object.fromEntries(Object.entries(vars).map(([name, value]) => [name, { type: 'plain_text', value }])),
    build: { custom: { command: '' } },
    dev: {
      server: { hostname: '127.0.0.1', port: 0 },
      structuredLogsHandler: (/** @type {Log} */ log) => {
        logs.push(log);
        news.emit('log');
      },
      logLevel: 'none',
      watch: false,
      persist: persist ?? false,
      inspector: false,
      registry: undefined,
      inferOriginFromRoutes: false,
    },
  });
  const [{ proxyData: { userWorkerUrl: { port }, headers } }] = await loaded;
  const devUrl = await worker.url;
  const processes = runtimes().filter((pid) => !before.has(pid));

  return {
    url: `http://127.0.0.1:${port}`,
    port: Number(port),
    /** What the runtime wants of each direct request; the worker does not see it. @type {Record<string, string>} */
    headers,
    /** The address for whoever cannot send those headers: a browser. */
    devUrl: devUrl.origin,
    /** What the worker printed, and what the runtime said about it. */
    logs: () => logs.map(({ level, message }) => `${level}: ${message}`),
    /** The first log line that contains a text; lines come a moment after the answer. @param {string} part @param {number} [patience] Milliseconds. */
    async waitForLog(part, patience = 5_000) {
      const signal = AbortSignal.timeout(patience);
      for (;;) {
        const found = logs.find(({ message }) => message.includes(part));
        if (found) return found.message;
        await once(news, 'log', { signal });
      }
    },
    /** Resident bytes of the runtime: the worker's process, and that of the idle proxy. */
    memory: () => processes.map(residentBytes).reduce((sum, bytes) => sum + bytes, 0),
    /** Throws a Durable Object out of memory, as the platform does when it likes. @param {string} className @param {string} name */
    async evict(className, name) {
      const local = environment.runtimes.map((runtime) => /** @type {any} */ (runtime).mf).find((mf) => mf);
      await local.unsafeEvictDurableObject('tributary', className, { name });
    },
    /** Ends the runtime as a crash does: whatever it had not stored is gone. */
    async kill() {
      for (const pid of processes) process.kill(Number(pid), 'SIGKILL');
      await worker.dispose().catch(() => {}); // it may miss what was just killed
    },
    stop: () => worker.dispose(),
  };
}

/** Process ids of the workerd processes that this process started. */
function runtimes() {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name)).filter((pid) => {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      const [, command, parent] = /^\d+ \((.*)\) \S (\d+)/s.exec(stat) ?? [];
      return command === 'workerd' && Number(parent) === process.pid;
    } catch {
      return false; // it ended meanwhile
    }
  });
}

/** @param {string} pid */
function residentBytes(pid) {
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kilobytes ?? 0) * 1024;
}
