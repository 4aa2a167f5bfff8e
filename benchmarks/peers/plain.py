"""The plain peer: FastAPI, the SDK's typed stream and Server-Sent Events. `uvicorn plain:app` serves it."""

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


class ChatResponse(BaseModel):
    response: str


def frame(event_type: str, **fields: Any) -> str:
    return f"data: {json.dumps({'event_type': event_type, **fields})}\n\n"


@app.post("/chat")
async def chat(request: ChatRequest) -> ChatResponse:
    return ChatResponse(response="".join([piece async for piece in pieces(request.message)]))


@app.post("/chat/stream")
async def chat_stream(request: ChatRequest) -> StreamingResponse:
    return StreamingResponse(answer(request.message), media_type="text/event-stream")


async def answer(message: str) -> AsyncIterator[str]:
    text = []
    async for piece in pieces(message):
        text.append(piece)
        yield frame("chat_chunk", content=piece)
    yield frame("chat_complete", final_response="".join(text), total_tool_calls=0)


async def pieces(message: str) -> AsyncIterator[str]:
    stream = await client.chat.completions.create(
        model="scripted", messages=[{"role": "user", "content": message}], stream=True
    )
    async with stream:
        async for chunk in stream:
            if chunk.choices and chunk.choices[0].delta.content:
                yield chunk.choices[0].delta.content
