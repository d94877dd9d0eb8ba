"""The HTTP status of a model call that failed, as clients of model providers expect it: one place for the endpoints and
for guests."""

from __future__ import annotations

STATUSES = {
    "budget": 402,
    "calls_stopped": 403,
    "model_refused": 400,
    "model_denied": 502,
    "model_limited": 429,
    "model_timeout": 504,
    "model_unavailable": 503,
    "broken_answer": 502,
    "error_within": 502,
    "circuit_open": 503,
    "all_providers_unavailable": 503,
    "all_providers_failed": 502,
    "configuration": 404,
    "invalid_input": 400,
    "not_json": 400,
}
"""By an error's code: where that status differs from the API's own, or the API never says it.

402, because the official clients try a 429 again and again, and a used-up budget is not soon full again."""
