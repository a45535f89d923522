// @ts-check
// What is looked at before a deploy, as pure functions: what wrangler.toml says, what is known of the account's secrets,
// and what was asked for go in; lines for people come out.

import { parseArgs, stripVTControlCharacters } from "node:util";

/** @typedef {import("./toml.mjs").Table} Table */
/** @typedef {{ level: "ok" | "warn" | "FAIL", text: string }} Item */
/**
 * What is known of the account's secrets: their names; or that the worker is new and has none; or that nobody was asked
 * (a dry run); or that the account did not say.
 * @typedef {{ kind: "known", names: string[] } | { kind: "new" } | { kind: "unasked" } | { kind: "refused", text: string }} Secrets
 */
/** @typedef {ReturnType<typeof readArguments>} Asked */

/** From this day on `request.signal` fires, and an object's `waitUntil` and timers keep it in memory. */
const OLDEST_DATE = "2026-11-17";
const PROVIDER_KEYS = ["OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "TOGETHER_API_KEY"];
const PROVIDER_VARS = ["PROVIDERS", "OLLAMA_BASE_URL"];
const JSON_VARS = ["PROVIDERS", "ROUTES", "PRICES", "GUARDRAILS", "ASSISTANTS", "VECTOR_STORE"];
const SECRET = /_(KEY|KEYS|TOKEN|SECRET)$/;

const ok = (/** @type {string} */ text) => item("ok", text);
const warn = (/** @type {string} */ text) => item("warn", text);
const no = (/** @type {string} */ text) => item("FAIL", text);

/** @param {Item["level"]} level @param {string} text @returns {Item} */
function item(level, text) {
  return { level, text };
}

/**
 * The list.
 * @param {{ config: Table, asked: Asked, secrets: Secrets, given?: string[] }} known `given`: names of secrets that come along in a file
 * @returns {Item[]}
 */
export function checklist({ config, asked, secrets, given = [] }) {
  const { env } = asked;
  if (env !== undefined && !isTable(table(config.env)[env])) return [no(`wrangler.toml has no [env.${env}]`)];
  const place = environment(config, env);
  const vars = { ...table(place.vars), ...asked.vars };
  const names = secrets.kind === "known" ? [...secrets.names, ...given] : secrets.kind === "new" ? given : undefined;
  const put = (/** @type {string} */ name) => `npx wrangler secret put ${name}${env === undefined ? "" : ` --env ${env}`}`;
  const isSet = (/** @type {string} */ name) => !isEmpty(vars[name]) || names?.includes(name) === true;
  const scene = { config, place, env, asked, vars, names, isSet, isNew: secrets.kind === "new", put };
  return [
    ...checkBindings(scene),
    checkMigrations(scene),
    checkDate(scene),
    ...checkVars(scene),
    checkSecrets(scene, secrets),
    ...checkAccess(scene),
    checkProviders(scene),
    checkAdmin(scene),
    checkObservability(scene),
  ].filter((item) => item !== undefined);
}

/**
 * @typedef {object} Scene
 * @property {Table} config
 * @property {Table} place what holds in the environment that is deployed
 * @property {string | undefined} env
 * @property {Asked} asked
 * @property {Table} vars
 * @property {string[] | undefined} names of secrets, where they are known
 * @property {(name: string) => boolean} isSet whether there is a variable or a secret of a name
 * @property {boolean} isNew
 * @property {(name: string) => string} put the command for a secret
 */

/** What holds in an environment: bindings and variables are its own, the rest may be inherited. @param {Table} config @param {string | undefined} env */
function environment(config, env) {
  if (env === undefined) return config;
  const { durable_objects, vars, ai, env: _, ...inherited } = config;
  return { ...inherited, ...table(table(config.env)[env]) };
}

/** @param {Table} place @returns {{ name: string, class: string, isElsewhere: boolean }[]} */
function bindings(place) {
  return list(table(place.durable_objects).bindings).map((binding) => ({
    name: String(binding.name),
    class: String(binding.class_name),
    isElsewhere: binding.script_name !== undefined,
  }));
}

/** @param {Scene} scene */
function checkBindings({ config, place, env }) {
  const bound = bindings(place);
  const where = env === undefined ? "" : `[env.${env}] `;
  const advice = env === undefined ? "" : `: bindings are not inherited, write them as [[env.${env}.durable_objects.bindings]]`;
  if (bound.length === 0) return [no(`${where}has no durable_objects bindings, without which there are no sessions${advice}`)];
  const has = new Set(bound.map(({ name }) => name));
  const missing = bindings(config).map(({ name }) => name).filter((name) => !has.has(name));
  const twice = repeated(bound.map(({ name }) => name));
  return [
    missing.length > 0 && no(`${where}lacks the durable_objects bindings ${missing.join(", ")}${advice}`),
    twice.length > 0 && no(`${where}has two bindings of one name: ${twice.join(", ")}`),
    missing.length + twice.length === 0 && ok(`${where}Durable Objects are bound: ${bound.map(({ name }) => name).join(", ")}`),
  ].filter((item) => item !== false);
}

/** @param {Scene} scene */
function checkMigrations({ place }) {
  const migrations = list(place.migrations);
  const made = classes(migrations);
  const faults = [
    ...migrations.filter(({ tag }) => typeof tag !== "string" || tag === "").map(() => "one has no tag"),
    ...repeated(migrations.map(({ tag }) => String(tag))).map((tag) => `the tag ${tag} is there twice`),
    ...made.faults,
    ...bindings(place)
      .filter((binding) => !binding.isElsewhere && !made.classes.has(binding.class))
      .map((binding) => `none creates ${binding.class}, which ${binding.name} binds: add a [[migrations]] with a new tag and new_sqlite_classes = ["${binding.class}"]`),
  ];
  return faults.length > 0 ? no(`migrations: ${faults.join("; ")}`) : ok("every class has its migration");
}

/** The classes that there are behind all migrations. @param {Table[]} migrations */
function classes(migrations) {
  const classes = new Set();
  const faults = [];
  for (const migration of migrations) {
    if (strings(migration.new_classes).length > 0) {
      faults.push(`${strings(migration.new_classes).join(", ")} is among new_classes, and the objects need SQLite: new_sqlite_classes`);
    }
    for (const name of strings(migration.new_sqlite_classes)) {
      if (classes.has(name)) faults.push(`${name} is created twice`);
      classes.add(name);
    }
    for (const { from, to } of [...list(migration.renamed_classes), ...list(migration.transferred_classes)]) {
      classes.delete(from);
      classes.add(to);
    }
    for (const name of strings(migration.deleted_classes)) classes.delete(name);
  }
  return { classes, faults };
}

/** @param {Scene} scene */
function checkDate({ place, asked }) {
  if (asked.isLatest) return ok("the latest compatibility date was asked for");
  const date = asked.date ?? place.compatibility_date;
  // Days written so are in the order of their letters.
  if (typeof date === "string" && /^\d{4}-\d\d-\d\d$/.test(date) && date >= OLDEST_DATE) return ok(`compatibility_date is ${date}`);
  return no(`compatibility_date is ${date ?? "missing"}: before ${OLDEST_DATE} a client that leaves is not noticed, and a run in a session ends with its reader`);
}

/** @param {Scene} scene */
function checkVars({ vars, put, asked }) {
  const shown = Object.keys(vars).filter((name) => SECRET.test(name) && !isEmpty(vars[name]));
  const broken = JSON_VARS.filter((name) => typeof vars[name] === "string" && !isEmpty(vars[name]) && !isJson(vars[name]));
  return [
    ...shown.map((name) => no(`${name} stands in [vars], where all who see the file or the dashboard read it: take it out, change the key, and ${put(name)}`)),
    ...broken.map((name) => no(`${name} in [vars] is no JSON: every request would be answered with an error`)),
    shown.length + broken.length === 0 && ok("no secret stands in [vars], and what is to be JSON is"),
    asked.keepsVars && warn("--keep-vars: variables of the dashboard stay, and are not looked at here"),
  ].filter((item) => item !== false);
}

/** @param {Scene} scene @param {Secrets} secrets */
function checkSecrets({ names, env, put }, secrets) {
  switch (secrets.kind) {
    case "known":
      return ok(`secrets: ${names?.join(", ") || "none"}`);
    case "new":
      return warn(`the worker${env === undefined ? "" : ` of [env.${env}]`} does not exist yet, and has no secrets${names?.length ? " but those of the file" : ""}: what is missing can be put behind this deploy (${put("GATEWAY_KEYS")}), because a worker without keys serves nobody`);
    case "unasked":
      return warn("a dry run asks no account: who may call, which providers there are and whether there is an ADMIN_KEY is not known");
    case "refused":
      return no(secrets.text);
  }
}

/** @param {Scene} scene */
function checkAccess({ vars, names, isSet, asked, isNew, put }) {
  const isOpen = String(vars.ALLOW_ANONYMOUS ?? "").trim().toLowerCase() === "true";
  // Nobody sees the value of a secret, so the worse is assumed.
  const mayBeOpen = isOpen || names?.includes("ALLOW_ANONYMOUS");
  if (mayBeOpen) {
    const text = `${isOpen ? "ALLOW_ANONYMOUS is true" : "ALLOW_ANONYMOUS is a secret, and may be true"}: anybody who finds the address may spend the providers' keys`;
    return [asked.isOpen ? warn(text) : no(`${text}; take it out, or say --open`)];
  }
  if (names === undefined) return [];
  const keys = ["GATEWAY_KEYS", "ADMIN_KEY"].filter(isSet);
  if (keys.length > 0) return [ok(`callers need a key: ${keys.join(" and ")} ${keys.length > 1 ? "are" : "is"} set`)];
  const text = "the gateway is closed to everybody: neither GATEWAY_KEYS nor ADMIN_KEY is set";
  return [isNew || asked.isClosed ? warn(text) : no(`${text}; ${put("GATEWAY_KEYS")} or ${put("ADMIN_KEY")}, or say --closed`)];
}

/** @param {Scene} scene */
function checkProviders({ place, names, isSet }) {
  const set = [...[...PROVIDER_KEYS, ...PROVIDER_VARS].filter(isSet), ...(isTable(place.ai) ? ["[ai]"] : [])];
  if (set.length > 0) return ok(`providers: ${set.join(", ")}`);
  return names === undefined ? undefined : warn(`no provider is configured, so only the demo answers: set one of ${PROVIDER_KEYS.join(", ")} as a secret`);
}

/** @param {Scene} scene */
function checkAdmin({ names, isSet, put }) {
  if (names === undefined) return undefined;
  if (isSet("ADMIN_KEY")) return ok("ADMIN_KEY is set: keys can be added and revoked at any time");
  return warn(`no ADMIN_KEY: keys cannot be added or revoked without changing GATEWAY_KEYS, and /metrics is off; ${put("ADMIN_KEY")}`);
}

/** @param {Scene} scene */
function checkObservability({ place }) {
  const { enabled, logs } = table(place.observability);
  if (enabled === true || table(logs).enabled === true) return ok("observability is enabled");
  return warn("observability is off: nobody will know why a run failed; [observability] enabled = true");
}

/**
 * What `wrangler secret list` has said.
 * @param {{ status: number | null, stdout: string, stderr: string }} result
 * @returns {Secrets}
 */
export function readSecrets({ status, stdout, stderr }) {
  const names = status === 0 ? listed(stdout) : undefined;
  if (names) return { kind: "known", names };
  const said = words(`${stderr}\n${stdout}`);
  if (/Worker ".*" .*not found|code: (10007|10090)\b/.test(said)) return { kind: "new" };
  if (/CLOUDFLARE_API_TOKEN|not logged in|did not login|not authenticated|authentication error|wrangler login/i.test(said)) {
    return { kind: "refused", text: `not logged in at Cloudflare: npx wrangler login, or set CLOUDFLARE_API_TOKEN (wrangler: ${said.split(". ", 1)[0]})` };
  }
  return { kind: "refused", text: `the account's secrets could not be listed: ${said || `wrangler ended with status ${status}`}` };
}

/** @param {string} text */
function listed(text) {
  try {
    return /** @type {{ name: string }[]} */ (JSON.parse(text)).map(({ name }) => name);
  } catch {
    return undefined;
  }
}

/** The line that tells what is wrong, without its colours. @param {string} text */
function words(text) {
  const lines = stripVTControlCharacters(text).split("\n").map((line) => line.trim());
  const told = lines.find((line) => line.includes("[ERROR]")) ?? lines.find((line) => line !== "") ?? "";
  return told.replace(/^.*\[ERROR\]\s*/, "");
}

/** The names in a file of secrets, as wrangler takes them: JSON, or lines of NAME=value. @param {string} text */
export function namesIn(text) {
  try {
    return Object.keys(JSON.parse(text));
  } catch {
    return [...text.matchAll(/^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=/gm)].map(([, name]) => name);
  }
}

/**
 * What was asked for. What is not ours is wrangler's, and goes on as it came.
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} [environment]
 */
export function readArguments(args, environment = {}) {
  const text = /** @type {const} */ ({ type: "string" });
  const flag = /** @type {const} */ ({ type: "boolean" });
  const { tokens } = parseArgs({
    args,
    strict: false,
    tokens: true,
    allowPositionals: true,
    options: {
      open: flag,
      closed: flag,
      "no-build": flag,
      "dry-run": flag,
      "keep-vars": flag,
      latest: flag,
      config: { ...text, short: "c" },
      env: { ...text, short: "e" },
      name: text,
      profile: text,
      "env-file": text,
      "secrets-file": text,
      "compatibility-date": text,
      var: text,
    },
  });
  const options = tokens.filter((token) => token.kind === "option");
  const is = (/** @type {string} */ name) => options.some((token) => token.name === name);
  const all = (/** @type {string} */ name) => options.filter((token) => token.name === name).flatMap(({ value }) => value ?? []);
  const last = (/** @type {string} */ name) => all(name).at(-1);
  const where = ["name", "profile", "env-file"].flatMap((name) => all(name).map((value) => `--${name}=${value}`));
  const env = last("env") ?? environment.CLOUDFLARE_ENV;
  return {
    isOpen: is("open"),
    isClosed: is("closed"),
    isDry: is("dry-run"),
    builds: !is("no-build"),
    keepsVars: is("keep-vars"),
    isLatest: is("latest"),
    config: last("config") ?? "wrangler.toml",
    // To wrangler an empty name is no name, too.
    env: env === "" ? undefined : env,
    date: last("compatibility-date"),
    secretsFile: last("secrets-file"),
    vars: variables(tokens),
    /** What names the worker and the account, for other commands of wrangler's. */
    where: env === undefined ? where : [`--env=${env}`, ...where],
    /** What goes on to `wrangler deploy`. */
    rest: without(args, options, ["open", "closed", "no-build", "config"]),
  };
}

/** @typedef {ReturnType<typeof parseArgs<{ tokens: true, strict: false }>>["tokens"][number]} Token */

/** The variables of `--var NAME:value ...`: wrangler takes all that follows, up to the next option. @param {Token[]} tokens @returns {Record<string, string>} */
function variables(tokens) {
  const found = [];
  let isVar = false;
  for (const token of tokens) {
    if (token.kind === "option") isVar = token.name === "var";
    if (isVar && token.kind !== "option-terminator" && token.value !== undefined) found.push(token.value);
  }
  return Object.fromEntries(found.map((pair) => [pair.split(":", 1)[0], pair.slice(pair.indexOf(":") + 1)]));
}

/** Arguments without some options and their values. @param {string[]} args @param {Extract<Token, { kind: "option" }>[]} options @param {string[]} names */
function without(args, options, names) {
  const out = new Set();
  for (const { name, index, value, inlineValue } of options) {
    if (!names.includes(name)) continue;
    out.add(index);
    if (value !== undefined && !inlineValue) out.add(index + 1);
  }
  return args.filter((_, index) => !out.has(index));
}

/** @param {unknown} value @returns {value is Table} */
function isTable(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A table, or an empty one where there is none. @param {unknown} value @returns {Table} */
function table(value) {
  return isTable(value) ? value : {};
}

/** The tables of a list. @param {unknown} value @returns {Table[]} */
function list(value) {
  return Array.isArray(value) ? value.filter(isTable) : [];
}

/** @param {unknown} value @returns {string[]} */
function strings(value) {
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}

/** @param {string[]} names */
function repeated(names) {
  return [...new Set(names.filter((name, index) => names.indexOf(name) < index))];
}

/** @param {unknown} value */
function isEmpty(value) {
  return value === undefined || (typeof value === "string" && value.trim() === "");
}

/** @param {unknown} value */
function isJson(value) {
  try {
    JSON.parse(String(value));
    return true;
  } catch {
    return false;
  }
}
