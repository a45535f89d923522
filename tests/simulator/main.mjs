// @ts-check
/**
 * The simulator run by hand: `node tests/simulator/main.mjs [port]` (default 9100).
 * Point a gateway at it with OPENAI_BASE_URL=http://127.0.0.1:9100/v1 and any OPENAI_API_KEY.
 */
import { startSimulator } from './simulator.mjs';

const simulator = await startSimulator({
  port: Number(process.argv[2] ?? 9100),
  onRequest: ({ method, path, json }) => console.log(`${method} ${path} model ${json?.model} stream ${Boolean(json?.stream)}`),
});
console.log(`simulated provider: ${simulator.url}/v1 (stop with Ctrl+C)`);
console.log('commands in the last user message: /slow /think /tool /refuse /silent /reset /half /hangup /503 ...');
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => simulator.stop().then(() => process.exit(0)));
