"""An agent as a graph, for clients that draw one and ask what goes in and comes out."""

from __future__ import annotations

from typing import Any

from fairlead.agents.spec import AgentSpec

_START, _END = "__start__", "__end__"


def graph_of(spec: AgentSpec) -> dict[str, Any]:
    """LangGraph's drawing: nodes and edges, those that are not always taken `conditional`."""
    if spec.native is None:
        return {"nodes": _nodes(spec.name), "edges": [_edge(_START, spec.name), _edge(spec.name, _END)]}
    edges = [_edge(_START, "model"), _edge("model", _END, conditional=bool(spec.native.tools))]
    if not spec.native.tools:
        return {"nodes": _nodes("model"), "edges": edges}
    edges += [_edge("model", "tools", conditional=True), _edge("tools", "model")]
    return {"nodes": _nodes("model", "tools"), "edges": edges}


def _nodes(*names: str) -> list[dict[str, Any]]:
    inner = [{"id": name, "type": "runnable", "data": {"id": ["fairlead", name], "name": name}} for name in names]
    ends = [{"id": name, "type": "schema", "data": name} for name in (_START, _END)]
    return [ends[0], *inner, ends[1]]


def _edge(source: str, target: str, *, conditional: bool = False) -> dict[str, Any]:
    return {"source": source, "target": target} | ({"conditional": True} if conditional else {})
