"""Every address of the API. A new noun is a file with `operations()` and a line here."""

from __future__ import annotations

from fairlead.web.api.a2a import A2a
from fairlead.web.api.a2a_rest import A2aRest
from fairlead.web.api.agent import AgentRuns
from fairlead.web.api.approvals import Approvals
from fairlead.web.api.assistants import Assistants
from fairlead.web.api.audit import AuditLog
from fairlead.web.api.auth import Auth
from fairlead.web.api.budgets import Budgets
from fairlead.web.api.costs import CostReports
from fairlead.web.api.crons import Crons
from fairlead.web.api.data import Data
from fairlead.web.api.documents import Documents
from fairlead.web.api.doors import Doors
from fairlead.web.api.files import Files
from fairlead.web.api.forks import Forks
from fairlead.web.api.keys import Keys
from fairlead.web.api.knowledge import Knowledge
from fairlead.web.api.levels import Levels
from fairlead.web.api.mcp import Mcp
from fairlead.web.api.operation import Operation, route_of
from fairlead.web.api.runs import Runs
from fairlead.web.api.scores import Scores
from fairlead.web.api.store import Store
from fairlead.web.api.streams import Streams
from fairlead.web.api.system import System
from fairlead.web.api.thread_commands import ThreadCommands
from fairlead.web.api.thread_events import ThreadEvents
from fairlead.web.api.thread_states import ThreadStates
from fairlead.web.api.thread_streams import ThreadStreams
from fairlead.web.api.threads import Threads
from fairlead.web.api.users import Users
from fairlead.web.api.webhooks import Webhooks
from fairlead.web.api.workers import Workers
from fairlead.web.routing import Route


def operations(doors: Doors) -> list[Operation]:
    nouns = (
        Runs,
        Forks,
        Streams,
        AgentRuns,
        Threads,
        ThreadStates,
        ThreadStreams,
        ThreadCommands,
        ThreadEvents,
        Approvals,
        Workers,
        CostReports,
        Budgets,
        Assistants,
        Mcp,
        A2a,
        A2aRest,
        Keys,
        Users,
        Auth,
        AuditLog,
        Data,
        Webhooks,
        Crons,
        Store,
        Files,
        Knowledge,
        Scores,
        Levels,
        System,
    )
    return [operation for noun in nouns for operation in noun(doors).operations()]


def api_routes(doors: Doors) -> list[Route]:
    listed = operations(doors)
    documents = Documents(listed, doors.version)
    return [route_of(one, doors) for one in (*listed, *documents.operations())]
