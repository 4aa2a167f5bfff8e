"""The OpenAI Agents SDK behind FastAPI: its text deltas as Server-Sent Events. `uvicorn agents_sdk:app` serves it."""

import asyncio
import json
import os
from collections.abc import AsyncIterator

from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from openai import AsyncOpenAI
from pydantic import BaseModel

from agents import Agent, OpenAIChatCompletionsModel, Runner, function_tool, set_tracing_disabled

set_tracing_disabled(True)
app = FastAPI()
client = AsyncOpenAI(base_url=os.environ["PROVIDER_URL"], api_key="none")


class ChatRequest(BaseModel):
    message: str
    reset_history: bool = False


@function_tool
async def pause(milliseconds: int) -> str:
    """Wait so long."""
    await asyncio.sleep(milliseconds / 1000)
    return "done"


agent = Agent(
    name="Assistant",
    instructions="You are a helpful assistant.",
    model=OpenAIChatCompletionsModel("scripted", client),
    tools=[pause],
)


@app.post("/chat/stream")
async def chat_stream(request: ChatRequest) -> StreamingResponse:
    return StreamingResponse(answer(request.message), media_type="text/event-stream")


async def answer(message: str) -> AsyncIterator[str]:
    result = Runner.run_streamed(agent, message)
    async for event in result.stream_events():
        if event.type == "raw_response_event" and event.data.type == "response.output_text.delta":
            yield f"data: {json.dumps({'event_type': 'chat_chunk', 'content': event.data.delta})}\n\n"
    yield f"data: {json.dumps({'event_type': 'chat_complete', 'final_response': result.final_output})}\n\n"
