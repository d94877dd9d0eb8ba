"""An assistant's card: what it is, where it listens, how to authenticate."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from fairlead.runs.assistants import Assistant
from fairlead.web.api.doors import Doors

_MODES = ["text/plain", "application/json"]


def card_of(assistant: Assistant, doors: Doors, origin: str) -> dict[str, Any]:
    spec = doors.agents.get(assistant.agent)
    about = assistant.description or (spec.description if spec is not None else "") or f"The agent {assistant.agent}."
    files = ["image/*", "application/pdf"] if spec is not None and spec.native is not None else ["*/*"]
    url = f"{origin}/a2a/{quote(assistant.id, safe='')}"
    card: dict[str, Any] = {
        "name": assistant.name,
        "description": about,
        "version": doors.release,
        "supportedInterfaces": [
            {"url": url, "protocolBinding": binding, "protocolVersion": "1.0"} for binding in ("JSONRPC", "HTTP+JSON")
        ],
        "capabilities": {"streaming": True, "pushNotifications": True, "extendedAgentCard": False},
        "defaultInputModes": [*_MODES, *files],
        "defaultOutputModes": _MODES,
        "skills": [{"id": assistant.agent, "name": assistant.name, "description": about, "tags": [assistant.agent]}],
    }
    if doors.keys:
        card["securitySchemes"] = {
            "key": {"apiKeySecurityScheme": {"location": "header", "name": "X-API-Key"}},
            "bearer": {"httpAuthSecurityScheme": {"scheme": "bearer"}},
        }
        card["securityRequirements"] = [{"schemes": {"key": {"list": []}}}, {"schemes": {"bearer": {"list": []}}}]
    return card
