"""What OpenAI's Python SDK sees of the gateway, as one line of JSON: `openai_smoke.py responses|chat MODEL...`."""

import json
import os
import sys

from openai import APIError, OpenAI
from pydantic import BaseModel

client = OpenAI(
    base_url=os.environ["GATEWAY_URL"] + "/v1",
    api_key="none",
    default_headers=json.loads(os.environ["GATEWAY_HEADERS"]),
    max_retries=0,
)


class Answer(BaseModel):
    a: int


def raised(ask):
    try:
        ask()
    except APIError as error:
        return [type(error).__name__, getattr(error, "status_code", None), error.code, error.message]
    return None


def responses(model):
    tools = [{"type": "function", "name": "look", "parameters": {"type": "object"}, "strict": False}]
    conversation = [{"role": "user", "content": "hello"}]
    with client.responses.stream(model=model, input=conversation, tools=tools) as stream:
        types = [event.type for event in stream]
        first = stream.get_final_response()
    conversation += first.output
    calls = [item for item in first.output if item.type == "function_call"]
    conversation += [{"type": "function_call_output", "call_id": call.call_id, "output": "Rain."} for call in calls]
    second = client.responses.create(model=model, input=conversation, tools=tools)

    def fails_in_mid_stream():
        with client.responses.stream(model=model, input="break") as stream:
            stream.get_final_response()

    def fails_while_iterating():
        for _ in client.responses.create(model=model, input="break", stream=True):
            pass

    return {
        "types": types,
        "first": first.output_text,
        "calls": [[call.call_id, call.name, call.arguments] for call in calls],
        "usage": first.usage.total_tokens,
        "second": second.output_text,
        "parsed": client.responses.parse(model=model, input="parse", text_format=Answer).output_parsed.a,
        "before": raised(lambda: client.responses.create(model=model, input="refused")),
        "helper": raised(fails_in_mid_stream),
        "raw": raised(fails_while_iterating),
    }


def chat(model):
    tools = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]
    conversation = [{"role": "user", "content": "hello"}]
    with client.chat.completions.stream(
        model=model, messages=conversation, tools=tools, stream_options={"include_usage": True}
    ) as stream:
        types = sorted({event.type for event in stream})
        first = stream.get_final_completion()
    message = first.choices[0].message
    conversation.append(message)
    conversation += [{"role": "tool", "tool_call_id": call.id, "content": "Rain."} for call in message.tool_calls]
    second = client.chat.completions.create(model=model, messages=conversation, tools=tools)

    def ask(content, **more):
        return client.chat.completions.create(model=model, messages=[{"role": "user", "content": content}], **more)

    def fails_in_mid_stream():
        with client.chat.completions.stream(model=model, messages=[{"role": "user", "content": "break"}]) as stream:
            stream.until_done()

    parsed = client.chat.completions.parse(
        model=model, messages=[{"role": "user", "content": "parse"}], response_format=Answer
    )
    return {
        "types": types,
        "first": message.content,
        "calls": [[call.id, call.function.name, call.function.arguments] for call in message.tool_calls],
        "usage": first.usage.total_tokens,
        "second": second.choices[0].message.content,
        "parsed": parsed.choices[0].message.parsed.a,
        "before": raised(lambda: ask("refused")),
        "helper": raised(fails_in_mid_stream),
        "raw": raised(lambda: list(ask("break", stream=True))),
    }


surface = {"responses": responses, "chat": chat}[sys.argv[1]]
print(json.dumps([surface(model) for model in sys.argv[2:]]))
