// @ts-check
// Looks at what would go wrong, builds what changed, and deploys it.
//
//   npm run deploy                      the checklist, then the deploy, if nothing failed
//   npm run deploy -- --dry-run         the same without an account: nothing is sent anywhere
//   npm run deploy -- --env staging     all else goes on to `wrangler deploy`
//
//   --open      anybody may call, and that is meant
//   --closed    nobody may call yet, and that is meant
//   --config FILE, --no-build           for tests: another configuration, and the build that is there

import { spawnSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { checklist, namesIn, readArguments, readSecrets } from "./checklist.mjs";
import { environment, fail, root, run, say } from "./lib.mjs";
import { parse } from "./toml.mjs";

/** Wrangler's own offline settings are for everything but a real deploy. */
const ONLINE = { CLOUDFLARE_CF_FETCH_ENABLED: "true" };

const asked = readArguments(process.argv.slice(2), process.env);
const file = resolve(root, asked.config);
const config = readConfig();
const items = checklist({ config, asked, secrets: secrets(), given: given() });
for (const { level, text } of items) console.log(`${level.padEnd(4)}  ${text}`);
if (items.some(({ level }) => level === "FAIL")) fail("not deployed: see what FAILed above");
if (asked.builds) await import("./build.mjs");
const { ok, why } = asked.builds ? deploy(file) : withoutBuild(deploy);
if (!ok) fail(why);
if (asked.isDry) say("a dry run: nothing was deployed");

/** @param {string} config */
function deploy(config) {
  return run("wrangler", ["deploy", "--config", config, ...asked.rest], asked.isDry ? {} : ONLINE);
}

/**
 * Wrangler has no switch for that, and would run the `[build]` of the file: so it gets a copy without one, beside the
 * file, where every relative path leads to the same place.
 * @template T
 * @param {(config: string) => T} work
 */
function withoutBuild(work) {
  const copy = join(dirname(file), `.wrangler-${process.pid}.json`);
  const withoutBuild = (/** @type {object} */ table) => ({ ...table, build: undefined });
  const env = Object.entries(config.env ?? {}).map(([name, table]) => [name, withoutBuild(table)]);
  writeFileSync(copy, JSON.stringify({ ...withoutBuild(config), env: Object.fromEntries(env) }));
  try {
    return work(copy);
  } finally {
    rmSync(copy);
  }
}

function readConfig() {
  try {
    return parse(readFileSync(file, "utf8"));
  } catch (error) {
    return fail(`${asked.config} cannot be read: ${/** @type {Error} */ (error).message}`);
  }
}

/** The account's secrets. Nobody is there to be asked for a login: a pipe makes wrangler say what is missing. */
function secrets() {
  if (asked.isDry) return /** @type {const} */ ({ kind: "unasked" });
  const { status, stdout, stderr, error } = spawnSync("wrangler", ["secret", "list", "--format", "json", "--config", file, ...asked.where], {
    cwd: root,
    encoding: "utf8",
    env: { ...environment, ...ONLINE },
    stdio: ["ignore", "pipe", "pipe"],
  });
  if (error) fail(`wrangler cannot be run: ${error.message}`);
  return readSecrets({ status, stdout, stderr });
}

/** The names of the secrets that are sent along. */
function given() {
  if (asked.secretsFile === undefined) return [];
  try {
    return namesIn(readFileSync(resolve(root, asked.secretsFile), "utf8"));
  } catch (error) {
    return fail(`the file of secrets cannot be read: ${/** @type {Error} */ (error).message}`);
  }
}
