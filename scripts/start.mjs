// @ts-check
// Builds what changed and serves it on this machine.

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { environment, root, say } from "./lib.mjs";

await import("./build.mjs");
if (!existsSync(join(root, ".dev.vars"))) {
  say("no .dev.vars: everything runs on the embedded demo. Copy .dev.vars.example to name real keys.");
}
say("serving at http://localhost:8787 (Ctrl-C stops it)");
const wrangler = spawn("wrangler", ["dev", ...process.argv.slice(2)], { cwd: root, stdio: "inherit", env: environment });
for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM"])) process.on(signal, () => wrangler.kill(signal));
wrangler.on("exit", (code) => process.exit(code ?? 0));
