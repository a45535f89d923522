"""The vendor's Python SDK against a gateway; prints one line of JSON with what it saw.

From the environment: BASE_URL, HEADERS (JSON), MODEL, BROKEN_MODEL (whose answer breaks off).
"""

import json
import os

from google import genai
from google.genai import errors, types

client = genai.Client(
    api_key="any",
    http_options=types.HttpOptions(base_url=os.environ["BASE_URL"], headers=json.loads(os.environ["HEADERS"])),
)
model = os.environ["MODEL"]


def look(place: str) -> str:
    """Looks at a place."""
    return f"seen {place}"


whole = client.models.generate_content(model=model, contents="hello")

chat = client.chats.create(
    model=model,
    config=types.GenerateContentConfig(
        tools=[look], thinking_config=types.ThinkingConfig(include_thoughts=True)
    ),
)
streamed = "".join(chunk.text or "" for chunk in chat.send_message_stream("look around"))

try:
    for _ in client.models.generate_content_stream(model=os.environ["BROKEN_MODEL"], contents="hello"):
        pass
    broken = None
except errors.APIError as error:
    broken = [type(error).__name__, error.code, error.status]

try:
    client.models.generate_content(model="nobody/nothing", contents="hello")
    missing = None
except errors.APIError as error:
    missing = [type(error).__name__, error.code, error.status]

print(
    json.dumps(
        {
            "whole": whole.text,
            "finish": whole.candidates[0].finish_reason.value,
            "tokens": whole.usage_metadata.total_token_count,
            "streamed": streamed,
            "turns": [content.role for content in chat.get_history(curated=True)],
            "broken": broken,
            "missing": missing,
        }
    )
)
