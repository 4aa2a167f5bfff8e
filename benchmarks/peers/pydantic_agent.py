"""Pydantic AI behind FastAPI, with its own adapter for AG-UI. `uvicorn pydantic_agent:app` serves it."""

import asyncio
import os

from fastapi import FastAPI
from pydantic_ai import Agent
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.ui.ag_ui import AGUIAdapter
from starlette.requests import Request
from starlette.responses import Response

app = FastAPI()
provider = OpenAIProvider(base_url=os.environ["PROVIDER_URL"], api_key="none")
agent = Agent(OpenAIChatModel("scripted", provider=provider), instructions="You are a helpful assistant.")


@agent.tool_plain
async def pause(milliseconds: int) -> str:
    """Wait so long."""
    await asyncio.sleep(milliseconds / 1000)
    return "done"


@app.post("/chat/stream")
async def chat_stream(request: Request) -> Response:
    return await AGUIAdapter.dispatch_request(request, agent=agent)
