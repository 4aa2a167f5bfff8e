"""The peer: FastAPI, the SDK's typed stream and Server-Sent Events under uvicorn. It stores nothing.

`PROVIDER_URL` names the provider; `uvicorn benchmarks.peer_app:app` serves it.
"""

import json
import os
from collections.abc import AsyncIterator
from typing import Any

from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from openai import AsyncOpenAI
from pydantic import BaseModel

app = FastAPI()
client = AsyncOpenAI(base_url=os.environ["PROVIDER_URL"], api_key="none")


class ChatRequest(BaseModel):
    message: str
    reset_history: bool = False


def frame(event_type: str, **fields: Any) -> str:
    return f"data: {json.dumps({'event_type': event_type, **fields})}\n\n"


@app.post("/chat/stream")
async def chat_stream(request: ChatRequest) -> StreamingResponse:
    return StreamingResponse(answer(request.message), media_type="text/event-stream")


async def answer(message: str) -> AsyncIterator[str]:
    text = []
    stream = await client.chat.completions.create(
        model="scripted", messages=[{"role": "user", "content": message}], stream=True
    )
    async with stream:
        async for chunk in stream:
            if chunk.choices and chunk.choices[0].delta.content:
                text.append(chunk.choices[0].delta.content)
                yield frame("chat_chunk", content=text[-1])
    yield frame("chat_complete", final_response="".join(text), total_tool_calls=0)
