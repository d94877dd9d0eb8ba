"""What a web framework alone takes for a request like `POST /runs`: read JSON, check it, answer JSON, keep nothing."""

from __future__ import annotations

import json
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route


class RunCreate(BaseModel):
    assistant_id: str
    input: Any = None
    metadata: dict[str, Any] | None = None


async def _ok(request: Request) -> JSONResponse:
    return JSONResponse({"ok": True})


async def _accept(request: Request) -> JSONResponse:
    return JSONResponse({"run_id": "none", "given": json.loads(await request.body())})


starlette = Starlette(routes=[Route("/ok", _ok), Route("/runs", _accept, methods=["POST"])])

fastapi = FastAPI()


@fastapi.get("/ok")
async def ok() -> dict[str, bool]:
    return {"ok": True}


@fastapi.post("/runs")
async def accept(body: RunCreate) -> dict[str, Any]:
    return {"run_id": "none", "given": body.model_dump()}
