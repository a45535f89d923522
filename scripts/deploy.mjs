// @ts-check
// Builds what changed and deploys it. Wrangler's own offline settings do not apply here.

import { fail, run } from "./lib.mjs";

await import("./build.mjs");
const { ok, why } = run("wrangler", ["deploy", ...process.argv.slice(2)], { CLOUDFLARE_CF_FETCH_ENABLED: "true" });
if (!ok) fail(why);
