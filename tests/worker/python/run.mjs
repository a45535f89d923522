// @ts-check
/** Runs a Python script against the gateway, where there is a Python with the package that it needs. */
import { execFile, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const PYTHON = process.env.PYTHON || 'python3';

/** Where the set-up puts the packages that want others than the rest do (`lanarky.txt`). */
export const APART = fileURLToPath(new URL('../../../target/python/lanarky', import.meta.url));

/** Where packages are looked for before all others. @param {string} [path] */
const first = (path) => (path ? { PYTHONPATH: path } : {});

/** Why a test that needs a package cannot run; false if it can. @param {string} name @param {string} [path] */
export function lacks(name, path) {
  const { status } = spawnSync(PYTHON, ['-c', `import ${name}`], { env: { ...process.env, ...first(path) } });
  return status === 0 ? false : `${PYTHON} has no package ${name}`;
}

/**
 * What a script printed: one line of JSON.
 *
 * @param {string} script @param {{ url: string, headers: Record<string, string>, path?: string }} server @param {string[]} args
 */
export async function runPython(script, { url, headers, path: packages }, ...args) {
  const path = fileURLToPath(new URL(script, import.meta.url));
  const env = { ...process.env, ...first(packages), GATEWAY_URL: url, GATEWAY_HEADERS: JSON.stringify(headers), PYTHONDONTWRITEBYTECODE: '1' };
  const { stdout } = await promisify(execFile)(PYTHON, [path, ...args], { env, timeout: 60_000 });
  return JSON.parse(stdout);
}
