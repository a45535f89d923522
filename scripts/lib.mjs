// @ts-check
// What the scripts share. Node's own modules only: this runs before anything is installed.

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, readdirSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("..", import.meta.url));

/** Where cargo puts the programs that it installs. */
export const cargoBin = join(process.env.CARGO_HOME ?? join(homedir(), ".cargo"), "bin");

/** The Python with the vendors' packages, once the set-up has made it. */
export const pythonPath = join(root, "target/python/bin/python");

/** The environment for every program that we start: our tools first, and nothing that calls home. */
export const environment = {
  ...process.env,
  PATH: [join(root, "node_modules", ".bin"), process.env.PATH ?? "", cargoBin].join(delimiter),
  ...(process.env.PYTHON === undefined && existsSync(pythonPath) && { PYTHON: pythonPath }),
  CLOUDFLARE_CF_FETCH_ENABLED: "false",
  WRANGLER_SEND_METRICS: "false",
  WRANGLER_SEND_ERROR_REPORTS: "false",
  WRANGLER_HIDE_BANNER: "true",
};

/** @param {string} text */
export function say(text) {
  process.stdout.write(`[tributary] ${text}\n`);
}

/**
 * Ends the script with a message for people.
 * @param {string} text
 * @returns {never}
 */
export function fail(text) {
  process.stderr.write(`[tributary] ${text}\n`);
  process.exit(1);
}

/**
 * Runs a program in the project's folder and lets it speak.
 * @param {string} program
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} [more]
 */
export function run(program, args, more = {}) {
  const { status, error } = spawnSync(program, args, { cwd: root, stdio: "inherit", env: { ...environment, ...more } });
  if (error) return { ok: false, why: error.message };
  return { ok: status === 0, why: `${program} ended with status ${status}` };
}

/**
 * What a program prints, or nothing if it cannot be run.
 * @param {string} program
 * @param {string[]} args
 */
export function output(program, args) {
  const { status, stdout } = spawnSync(program, args, { cwd: root, encoding: "utf8", env: environment });
  return status === 0 ? stdout : undefined;
}

/**
 * A digest of files and folders: changes when any of them does.
 * @param {string[]} paths relative to the project's folder
 */
export function digest(paths) {
  const hash = createHash("sha256");
  for (const path of paths) add(path);
  return hash.digest("hex");

  /** @param {string} path */
  function add(path) {
    const full = join(root, path);
    if (!existsSync(full)) return;
    if (statSync(full).isDirectory()) {
      for (const name of readdirSync(full).sort()) add(join(path, name));
    } else {
      hash.update(path).update("\0").update(readFileSync(full)).update("\0");
    }
  }
}

/** @param {string} path relative to the project's folder */
export function read(path) {
  const full = join(root, path);
  return existsSync(full) ? readFileSync(full, "utf8") : undefined;
}
