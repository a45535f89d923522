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
  const ports = { worker: await freePort(), baselines: await freePort() };
  const folder = mkdtempSync(join(tmpdir(), "tributary-bench-"));
  // The configuration embeds files by paths that are relative to itself.
  for (const [from, to] of [["build/index.js", "index.js"], ["build/index_bg.wasm", "index_bg.wasm"], ["bench/baselines.js", "baselines.js"]]) {
    writeFileSync(join(folder, to), readFileSync(join(root, from)));
  }
  mkdirSync(join(folder, "objects"));
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
  await listening(ports.baselines);
  const pid = workerd(runtime.pid ?? 0);
  return { ports, stop, cpu: () => cpu(pid), memory: () => memory(pid) };
}

/** @param {number} upstream @param {{ worker: number, baselines: number }} ports @param {string} objects where Durable Objects are kept */
function config(upstream, ports, objects) {
  const loopback = `http://127.0.0.1:${upstream}/v1`;
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "worker", worker = .worker),
    (name = "baselines", worker = .baselines),
    (name = "internet", network = (allow = ["private"])),
    (name = "objects", disk = (path = "${objects}", writable = true)),
  ],
  sockets = [
    (name = "worker", address = "127.0.0.1:${ports.worker}", http = (), service = "worker"),
    (name = "baselines", address = "127.0.0.1:${ports.baselines}", http = (), service = "baselines"),
  ],
);
const worker :Workerd.Worker = (
  modules = [
    (name = "index.js", esModule = embed "index.js"),
    (name = "index_bg.wasm", wasm = embed "index_bg.wasm"),
  ],
  bindings = [
    (name = "OPENAI_BASE_URL", text = "${loopback}"),
    (name = "OPENAI_API_KEY", text = "none-is-needed"),
    (name = "SESSIONS", durableObjectNamespace = "SessionObject"),
    (name = "CALLERS", durableObjectNamespace = "CallerObject"),
    (name = "COLLECTIONS", durableObjectNamespace = "CollectionObject"),
    (name = "EMBEDDINGS", text = "openai/1536"),
  ],
  durableObjectNamespaces = [
    (className = "SessionObject", uniqueKey = "sessions", enableSql = true),
    (className = "CallerObject", uniqueKey = "callers", enableSql = true),
    (className = "CollectionObject", uniqueKey = "collections", enableSql = true),
  ],
  durableObjectStorage = (localDisk = "objects"),
  compatibilityDate = "2026-11-17",
);
const baselines :Workerd.Worker = (
  modules = [(name = "baselines.js", esModule = embed "baselines.js")],
  bindings = [(name = "UPSTREAM", text = "${loopback}/chat/completions")],
  compatibilityDate = "2026-11-17",
);
`;
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
