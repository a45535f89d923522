// The same job without this project, for comparison: (a) native passthrough, (b) an identity
// TransformStream in JavaScript, (c) the unified frames by hand, as one would write them in
// JavaScript. Run on the same runtime, in the same process, against the same upstream.

const HEADERS = { "content-type": "text/event-stream; charset=utf-8" };

const transforms = {
  passthrough: (body) => body,
  identity: (body) => body.pipeThrough(new TransformStream()),
  handwritten: (body) => body.pipeThrough(new TransformStream(reframer())),
};

export default {
  async fetch(request, env) {
    const transform = transforms[new URL(request.url).pathname.slice(1)];
    if (!transform) return new Response("no such baseline", { status: 404 });
    const upstream = await fetch(env.UPSTREAM, { method: "POST", body: await request.text() });
    return new Response(transform(upstream.body), { headers: HEADERS });
  },
};

function reframer() {
  const decoder = new TextDecoder();
  const encoder = new TextEncoder();
  const run = `r_${crypto.randomUUID().replaceAll("-", "").slice(0, 20)}`;
  let rest = "";
  let sequence = 0;
  let finish = null;
  const chunk = (content, reason, model, usage) =>
    `id: ${run}:${(sequence += 1)}\nevent: chunk\ndata: ${JSON.stringify({ content, finish_reason: reason, model, provider: "openai", usage })}\n\n`;
  return {
    transform(bytes, controller) {
      rest += decoder.decode(bytes, { stream: true });
      const lines = rest.split("\n");
      rest = lines.pop();
      let out = "";
      for (const line of lines) {
        if (!line.startsWith("data: ")) continue;
        const data = line.slice(6);
        if (data === "[DONE]") {
          out += `id: ${run}:${(sequence += 1)}\nevent: done\ndata: [DONE]\n\n`;
          continue;
        }
        const { model, choices, usage } = JSON.parse(data);
        const choice = choices[0];
        finish = choice?.finish_reason ?? finish;
        if (choice?.delta?.content || choice?.finish_reason || usage) {
          out += chunk(choice?.delta?.content ?? "", choice?.finish_reason ?? null, model, usage ?? null);
        }
      }
      if (out) controller.enqueue(encoder.encode(out));
    },
  };
}
