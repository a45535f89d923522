"""Anthropic's Python SDK as a client of the gateway: prints what it saw as one line of JSON.

Reads GATEWAY_URL, GATEWAY_HEADERS (JSON) and GATEWAY_MODEL.
"""

import json
import os

import anthropic

MODEL = os.environ["GATEWAY_MODEL"]
TOOLS = [{"name": "look", "description": "Looks.", "input_schema": {"type": "object", "properties": {"at": {"type": "string"}}}}]

client = anthropic.Anthropic(
    api_key="none",
    base_url=os.environ["GATEWAY_URL"],
    default_headers=json.loads(os.environ["GATEWAY_HEADERS"]),
    max_retries=0,
)
ask = {"model": MODEL, "max_tokens": 2048, "tools": TOOLS, "thinking": {"type": "adaptive"}}
question = {"role": "user", "content": "hello"}

with client.messages.stream(messages=[question], **ask) as stream:
    pieces = list(stream.text_stream)
    first = stream.get_final_message()

call = next(block for block in first.content if block.type == "tool_use")
results = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call.id, "content": "sunny"}]}
second = client.messages.create(messages=[question, {"role": "assistant", "content": first.content}, results], **ask)

try:
    client.messages.create(model=MODEL, max_tokens=0, messages=[question])
    raised = None
except anthropic.BadRequestError as error:
    raised = {"status": error.status_code, "message": error.body["error"]["message"], "request_id": error.request_id}

print(json.dumps({
    "pieces": pieces,
    "input": call.input,
    "stop": first.stop_reason,
    "output_tokens": first.usage.output_tokens,
    "thinking": "".join(block.thinking for block in first.content if block.type == "thinking"),
    "second": second.content[0].text,
    "request_id": bool(second._request_id),
    "counted": client.messages.count_tokens(model=MODEL, messages=[question]).input_tokens,
    "raised": raised,
}))
