// @ts-check
// The plain runtime with the built worker and the baselines in one process, and what it costs.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * Starts the upstream and the runtime.
 * @param {string} root the project's folder, with the worker built
 */
export async function start(root) {
  const upstream = spawn(process.execPath, [join(root, "bench/upstream.mjs")], { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = await once(upstream.stdout.setEncoding("utf8"), "data");
  const ports = { worker: await freePort(), full: await freePort(), baselines: await freePort() };
  const folder = mkdtempSync(join(tmpdir(), "tributary-bench-"));
  // The configuration embeds files by paths that are relative to itself.
  for (const [from, to] of [["build/index.js", "index.js"], ["build/index_bg.wasm", "index_bg.wasm"], ["bench/baselines.js", "baselines.js"]]) {
    writeFileSync(join(folder, to), readFileSync(join(root, from)));
  }
  for (const name of ["worker", "full"]) mkdirSync(join(folder, "objects", name), { recursive: true });
  writeFileSync(join(folder, "config.capnp"), config(Number(line), ports, join(folder, "objects")));
  const runtime = spawn(join(root, "node_modules/.bin/workerd"), ["serve", join(folder, "config.capnp")], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  const stop = () => {
    runtime.kill();
    upstream.kill();
    rmSync(folder, { recursive: true, force: true });
  };
  process.once("exit", stop);
  await listening(ports.worker);
  await listening(ports.full);
  await listening(ports.baselines);
  const pid = workerd(runtime.pid ?? 0);
  return { ports, stop, cpu: () => cpu(pid), memory: () => memory(pid) };
}

/** The key of the worker with everything on. */
export const KEY = "tk_benchmark";

/** Parts of words, so that a thousand terms begin as text does: all the same beginning would flatter the automaton. */
const PARTS = ["ba", "ko", "ri", "the", "so", "wo", "he", "lu", "ne", "mi"];
const term = (/** @type {number} */ at) => `${[at, at / 10, at / 100].map((part) => PARTS[Math.floor(part) % 10]).join("")}x`;

/** What that worker has: limits of each kind, a price, a thousand banned terms and a pattern, and an admin route. */
const FULL = {
  ADMIN_KEY: "ak_benchmark",
  GATEWAY_KEYS: JSON.stringify({ bench: { key: KEY, models: ["openai/*"], requests_per_minute: 1_000_000, concurrent_runs: 1000, monthly_budget_usd: 1e6 } }),
  PRICES: JSON.stringify({ "openai/*": { input: 1, output: 2 } }),
  GUARDRAILS: JSON.stringify({
    input: { terms_from: ["TERMS"] },
    output: { terms_from: ["TERMS"], patterns: ["\\bsk-[a-z0-9]{8,16}\\b"] },
  }),
  TERMS: Array.from({ length: 1000 }, (_, at) => term(at)).join(","),
};

/** @param {number} upstream @param {{ worker: number, full: number, baselines: number }} ports @param {string} objects where Durable Objects are kept */
function config(upstream, ports, objects) {
  const loopback = `http://127.0.0.1:${upstream}/v1`;
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "worker", worker = .worker),
    (name = "full", worker = .full),
    (name = "baselines", worker = .baselines),
    (name = "internet", network = (allow = ["private"])),
    (name = "objects", disk = (path = "${objects}/worker", writable = true)),
    (name = "full-objects", disk = (path = "${objects}/full", writable = true)),
  ],
  sockets = [
    (name = "worker", address = "127.0.0.1:${ports.worker}", http = (), service = "worker"),
    (name = "full", address = "127.0.0.1:${ports.full}", http = (), service = "full"),
    (name = "baselines", address = "127.0.0.1:${ports.baselines}", http = (), service = "baselines"),
  ],
);
${worker("worker", "objects", loopback, {})}
${worker("full", "full-objects", loopback, FULL)}
const baselines :Workerd.Worker = (
  modules = [(name = "baselines.js", esModule = embed "baselines.js")],
  bindings = [(name = "UPSTREAM", text = "${loopback}/chat/completions")],
  compatibilityDate = "2026-11-17",
);
`;
}

/** The worker's Durable Objects, by their bindings. */
const OBJECTS = {
  SESSIONS: "SessionObject",
  CALLERS: "CallerObject",
  COLLECTIONS: "CollectionObject",
  KEYRING: "KeyringObject",
  ACCOUNTS: "AccountObject",
  LEDGER: "LedgerObject",
  CACHE: "CacheObject",
};

/** The worker under a name, with variables. @param {string} name @param {string} disk @param {string} loopback @param {Record<string, string>} vars */
function worker(name, disk, loopback, vars) {
  const all = { OPENAI_BASE_URL: loopback, OPENAI_API_KEY: "none-is-needed", EMBEDDINGS: "openai/1536", ...vars };
  const texts = Object.entries(all).map(([key, text]) => `(name = "${key}", text = ${JSON.stringify(text)})`);
  const objects = Object.entries(OBJECTS).map(([key, className]) => `(name = "${key}", durableObjectNamespace = "${className}")`);
  const namespaces = Object.values(OBJECTS).map((className) => `(className = "${className}", uniqueKey = "${name}-${className}", enableSql = true)`);
  return `const ${name} :Workerd.Worker = (
  modules = [
    (name = "index.js", esModule = embed "index.js"),
    (name = "index_bg.wasm", wasm = embed "index_bg.wasm"),
  ],
  bindings = [${[...texts, ...objects].join(", ")}],
  durableObjectNamespaces = [${namespaces.join(", ")}],
  durableObjectStorage = (localDisk = "${disk}"),
  compatibilityDate = "2026-11-17",
);`;
}

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" && address ? address.port : 0;
}

/** @param {number} port */
async function listening(port) {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const socket = connect(port, "127.0.0.1");
    const [event] = await Promise.race([once(socket, "connect").then(() => ["connect"]), once(socket, "error").catch(() => ["error"])]).catch(() => ["error"]);
    socket.destroy();
    if (event === "connect") return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("the runtime does not answer");
}

/** The npm package starts the program as a child of a small script. @param {number} pid */
function workerd(pid) {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").filter(Boolean);
  return children.length > 0 ? Number(children[0]) : pid;
}

/** CPU of all threads, in microseconds. @param {number} pid */
function cpu(pid) {
  const threads = readdirSync(`/proc/${pid}/task`);
  const nanoseconds = threads.map((thread) => Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ")[0]));
  return nanoseconds.reduce((sum, one) => sum + one, 0) / 1000;
}

/** Resident megabytes. @param {number} pid */
function memory(pid) {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) / 1024;
}
