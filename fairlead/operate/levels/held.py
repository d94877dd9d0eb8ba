"""What the tables of service levels hold of people: nothing."""

from __future__ import annotations

EXEMPT = {
    "service_counts": "how many requests, runs and queries there were, and how long they took",
    "service_spans": "when processes were there",
}
