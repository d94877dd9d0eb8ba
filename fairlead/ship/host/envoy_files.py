"""What Envoy reads: once at its start how it is to work, and whenever it changes which slots are open."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from fairlead.errors import ConfigurationError

CLUSTER = "fairlead"
_TYPE = "type.googleapis.com/envoy"
_SLOT = "x-fairlead-slot"  # between two filters of Envoy; nobody outside sees it or may send it
_TELL_NOTHING = {"@type": f"{_TYPE}.extensions.filters.http.router.v3.Router", "suppress_envoy_headers": True}
# What HAProxy's stick-table does: the slot that a thread came to, for an hour at least since its last request.
_THREADS = """\
local newer, older, count, since = {}, {}, 0, os.time()

local function keep(thread, slot)
  if count >= 100000 or os.time() - since >= 3600 then
    newer, older, count, since = {}, newer, 0, os.time()
  end
  if newer[thread] == nil then count = count + 1 end
  newer[thread] = slot
end

function envoy_on_request(handle)
  local headers = handle:headers()
  headers:remove("x-fairlead-slot")
  local thread = string.match(headers:get(":path"), "^/threads/([^/?]+)")
  if thread == nil then return end
  thread = string.sub(thread, 1, 64)
  local slot = newer[thread] or older[thread]
  if slot ~= nil then
    headers:add("x-fairlead-slot", slot)
    keep(thread, slot)
  end
  local said = handle:streamInfo():dynamicMetadata()
  said:set("fairlead", "thread", thread)
  said:set("fairlead", "slot", slot or "")
end

function envoy_on_response(handle)
  local headers = handle:headers()
  local slot = headers:get("x-fairlead-slot")
  if slot == nil then return end
  headers:remove("x-fairlead-slot")
  local said = handle:streamInfo():dynamicMetadata():get("fairlead")
  if said == nil then return end
  local now = newer[said.thread] or older[said.thread]
  -- Of two first requests at the same time, the one that is answered first decides.
  if now == nil or now == said.slot then keep(said.thread, slot) end
end
"""


def slots_file(weights: Mapping[int, int]) -> bytes:
    """By port, the open slots."""
    hosts = [_host(port, weight) for port, weight in sorted(weights.items())]
    found = {
        "@type": f"{_TYPE}.config.endpoint.v3.ClusterLoadAssignment",
        "cluster_name": CLUSTER,
        "endpoints": [{"lb_endpoints": hosts}],
    }
    return orjson.dumps({"resources": [found]})


def slots_of(text: bytes) -> dict[int, int]:
    """What `slots_file` was made of."""
    hosts: list[dict[str, Any]] = orjson.loads(text)["resources"][0]["endpoints"][0]["lb_endpoints"]
    return {
        one["endpoint"]["address"]["socket_address"]["port_value"]: 0
        if one["health_status"] == "DRAINING"
        else one["load_balancing_weight"]
        for one in hosts
    }


def _host(port: int, weight: int) -> dict[str, Any]:
    return {
        "endpoint": {"address": _address("127.0.0.1", port)},
        "health_status": "HEALTHY" if weight else "DRAINING",
        "load_balancing_weight": max(1, weight),
    }


def bootstrap(*, admin: Path, worker: Path, slots: Path, bind: str, health: str) -> bytes:
    """Raises `ConfigurationError`."""
    found = {
        "node": {"id": CLUSTER, "cluster": CLUSTER},
        "admin": {"address": _pipe(admin)},
        "static_resources": {
            "listeners": [
                _listener("front", _bound(bind), _front()),
                _listener("worker", _pipe(worker), _worker()),
            ],
            "clusters": [_cluster(slots, health)],
        },
    }
    return orjson.dumps(found, option=orjson.OPT_INDENT_2)


def _listener(name: str, address: dict[str, Any], manager: dict[str, Any]) -> dict[str, Any]:
    kind = f"{_TYPE}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
    one = {"name": "envoy.filters.network.http_connection_manager", "typed_config": {"@type": kind, **manager}}
    # A second Envoy is to fail at this address, and not to get half of what comes there.
    return {"name": name, "address": address, "enable_reuse_port": False, "filter_chains": [{"filters": [one]}]}


def _front() -> dict[str, Any]:
    # Envoy's own way to add the caller's address says something else for one on this host.
    caller = {"key": "x-forwarded-for", "value": "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%"}
    added = [{"header": caller, "append_action": "APPEND_IF_EXISTS_OR_ADD"}]
    host = {"name": CLUSTER, "domains": ["*"], "routes": _routes(), "request_headers_to_add": added}
    return {
        "stat_prefix": "front",
        # What a proxy before us has said stays as it is. Nobody is believed to be one of Envoy's own, who may tell it
        # how long to wait and how often to try.
        "generate_request_id": False,
        "preserve_external_request_id": True,
        "server_header_transformation": "PASS_THROUGH",
        "http_protocol_options": {"accept_http_10": True, "default_host_for_http_10": "localhost"},
        "upgrade_configs": [{"upgrade_type": "websocket"}],
        "common_http_protocol_options": {"idle_timeout": "600s"},
        "stream_idle_timeout": "600s",
        "route_config": {"virtual_hosts": [host]},
        "http_filters": [
            _filter("lua", "lua.v3.Lua", default_source_code={"inline_string": _THREADS}),
            _filter("stateful_session", "stateful_session.v3.StatefulSession", session_state=_session()),
            {"name": "envoy.filters.http.router", "typed_config": _TELL_NOTHING},
        ],
    }


def _routes() -> list[dict[str, Any]]:
    """What could not be sent is sent to another slot. What was sent and got no answer only where that does no harm."""
    unsent = "connect-failure,refused-stream,reset-before-request"
    safe = {"name": ":method", "string_match": {"safe_regex": {"regex": "GET|HEAD|OPTIONS"}}}
    upgrade = {"name": "upgrade", "string_match": {"exact": "websocket", "ignore_case": True}}
    return [
        _route(unsent, headers=[upgrade], idle="86400s"),
        _route(f"{unsent},reset", headers=[safe]),
        _route(unsent),
    ]


def _route(retried: str, *, headers: list[dict[str, Any]] | None = None, idle: str = "600s") -> dict[str, Any]:
    another = {
        "name": "envoy.retry_host_predicates.previous_hosts",
        "typed_config": {"@type": f"{_TYPE}.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"},
    }
    retries = {
        "retry_on": retried,
        "num_retries": 2,
        "retry_host_predicate": [another],
        "host_selection_retry_max_attempts": 8,
        "retry_back_off": {"base_interval": "0.010s", "max_interval": "0.050s"},
    }
    return {
        "match": {"prefix": "/", "headers": headers or []},
        "route": {"cluster": CLUSTER, "timeout": "0s", "idle_timeout": idle, "retry_policy": retries},
    }


def _worker() -> dict[str, Any]:
    """Answers by itself: whoever gets the answer knows that the worker is alive, and past all it was told before."""
    routes = [{"match": {"prefix": "/"}, "direct_response": {"status": 200, "body": {"inline_string": "well"}}}]
    return {
        "stat_prefix": "worker",
        "route_config": {"virtual_hosts": [{"name": "worker", "domains": ["*"], "routes": routes}]},
        "http_filters": [{"name": "envoy.filters.http.router", "typed_config": _TELL_NOTHING}],
    }


def _cluster(slots: Path, health: str) -> dict[str, Any]:
    protocol: dict[str, Any] = {
        "@type": f"{_TYPE}.extensions.upstreams.http.v3.HttpProtocolOptions",
        # Shorter than any server's own, which might close a connection as a request comes.
        "common_http_protocol_options": {"idle_timeout": "1s"},
        "explicit_http_config": {"http_protocol_options": {}},
    }
    most = {"max_connections": 100_000, "max_pending_requests": 100_000, "max_requests": 100_000, "max_retries": 1000}
    return {
        "name": CLUSTER,
        "type": "EDS",
        "eds_cluster_config": {
            "eds_config": {"resource_api_version": "V3", "path_config_source": {"path": str(slots)}}
        },
        "lb_policy": "ROUND_ROBIN",
        "connect_timeout": "2s",
        "common_lb_config": {
            # Else, with most slots down, it would send requests to those that are down as well.
            "healthy_panic_threshold": {"value": 0},
            "update_merge_window": "0s",  # what changed is the worker's at once, and not within a second
            "override_host_status": {"statuses": ["UNKNOWN", "HEALTHY", "DEGRADED", "DRAINING"]},
        },
        "ignore_health_on_host_removal": True,
        "health_checks": [_check(health)],
        "circuit_breakers": {"thresholds": [most]},
        "typed_extension_protocol_options": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": protocol},
    }


def _check(health: str) -> dict[str, Any]:
    return {
        "timeout": "5s",
        "interval": "0.5s",
        "no_traffic_interval": "0.5s",
        "no_traffic_healthy_interval": "0.5s",
        "unhealthy_threshold": 3,
        "healthy_threshold": 1,
        "reuse_connection": False,  # whether it takes new ones is part of the question
        "http_health_check": {
            "path": health,
            "host": "localhost",
            "expected_statuses": [{"start": 200, "end": 201}],
            # Else a single other answer would put it out.
            "retriable_statuses": [{"start": 100, "end": 200}, {"start": 201, "end": 600}],
        },
    }


def _filter(name: str, kind: str, **config: Any) -> dict[str, Any]:
    return {
        "name": f"envoy.filters.http.{name}",
        "typed_config": {"@type": f"{_TYPE}.extensions.filters.http.{kind}", **config},
    }


def _session() -> dict[str, Any]:
    kind = f"{_TYPE}.extensions.http.stateful_session.header.v3.HeaderBasedSessionState"
    return {"name": "envoy.http.stateful_session.header", "typed_config": {"@type": kind, "name": _SLOT}}


def _pipe(path: Path) -> dict[str, Any]:
    return {"pipe": {"path": str(path), "mode": 0o600}}


def _address(host: str, port: int) -> dict[str, Any]:
    return {"socket_address": {"address": host, "port_value": port}}


def _bound(bind: str) -> dict[str, Any]:
    """Envoy takes numbers alone."""
    host, _, port = bind.rpartition(":")
    try:
        return _address("0.0.0.0" if host == "*" else socket.gethostbyname(host), int(port))
    except OSError as error:
        raise ConfigurationError(f"`ship.host.listen`: {host} has no address.") from error
