"""The vendor's Python package against the gateway: prints one line of JSON of what it saw.

The address and the headers that every request must carry come from the environment.
"""

import json
import os

import ollama

MODEL = os.environ["GATEWAY_MODEL"]
client = ollama.Client(host=os.environ["GATEWAY_URL"], headers=json.loads(os.environ["GATEWAY_HEADERS"]))
hello = [{"role": "user", "content": "hello"}]


def look(x: int) -> str:
    """Looks.

    Args:
        x: where
    """
    return f"seen {x}"


def streamed():
    parts = list(client.chat(model=MODEL, messages=hello, think=True, stream=True))
    last = parts[-1]
    return {
        "content": "".join(part.message.content or "" for part in parts),
        "thinking": "".join(part.message.thinking or "" for part in parts),
        "done_reason": last.done_reason,
        "counts": [last.prompt_eval_count, last.eval_count],
    }


def two_turns():
    messages = [{"role": "system", "content": "Look."}, *hello]
    first = client.chat(model=MODEL, messages=messages, tools=[look])
    messages.append(first.message)
    calls = [(call.function.name, dict(call.function.arguments)) for call in first.message.tool_calls or []]
    for name, arguments in calls:
        messages.append({"role": "tool", "tool_name": name, "content": str(arguments)})
    second = client.chat(model=MODEL, messages=messages, tools=[look])
    return calls, second.message.content


def broken():
    seen = ""
    try:
        for part in client.chat(model=MODEL, messages=hello, stream=True):
            seen += part.message.content or ""
    except ollama.ResponseError as error:
        return [seen, type(error).__name__]
    return [seen, None]


def refused():
    try:
        client.generate(model=MODEL, prompt="hello")
    except ollama.ResponseError as error:
        return {"status": error.status_code, "error": error.error}
    return None


seen = {"stream": streamed()}
seen["whole"] = client.chat(model=MODEL, messages=hello).message.content
seen["generate"] = client.generate(model=MODEL, prompt="hello", format={"type": "object"}).response
seen["calls"], seen["second"] = two_turns()
seen["broken"] = broken()
seen["refused"] = refused()
seen["models"] = [model.model for model in client.list().models]
print(json.dumps(seen))
