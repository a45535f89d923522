"""The public package `lanarky` as a client of the gateway: prints what it saw as one line of JSON.

Reads GATEWAY_URL and GATEWAY_HEADERS (JSON). Its socket can send no headers: the address for that comes first
among the arguments, the model second.
"""

import json
import os
import sys

import httpx
from httpx_sse import SSEError
from lanarky.clients import StreamingClient, WebSocketClient
from lanarky.websockets import DataMode

SOCKET, MODEL = sys.argv[1:]


def ask(text, **more):
    return {"messages": [{"role": "user", "content": text}], "model": MODEL, **more}


def streamed(text, **more):
    client = StreamingClient(
        base_url=os.environ["GATEWAY_URL"],
        client=httpx.Client(headers=json.loads(os.environ["GATEWAY_HEADERS"])),
    )
    try:
        return [[event.event, event.data] for event in client.stream_response("POST", "/chat", json=ask(text, **more))]
    except SSEError as error:
        return str(error)


def heard(client):
    """One round. The package's own loop ends with `end` only: who is told of an error leaves it."""
    events = []
    for event in client.stream_response():
        events.append([event["event"], event["data"]])
        if event["event"] == "error":
            break
    return events


def rounds(texts, mode=DataMode.JSON):
    client = WebSocketClient(uri=SOCKET, mode=mode)
    answers = []
    with client.connect() as socket:
        for text in texts:
            socket.send(ask(text) if mode == DataMode.JSON else json.dumps(ask(text)))
            answers.append(heard(socket))
    return answers


print(
    json.dumps(
        {
            "streamed": [streamed("lines"), streamed("cut"), streamed("wrong", temperature=9)],
            "rounds": rounds(["lines", "cut", "again"]),
            "text": rounds(["again"], DataMode.TEXT),
            "bytes": rounds(["again"], DataMode.BYTES),
        }
    )
)
