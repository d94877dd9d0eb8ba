"""The books of the engine that pages read and write, beside the door to runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fairlead.access import Books, RateLimit
from fairlead.agents.spec import AgentSpec
from fairlead.config import Settings
from fairlead.gateway import Gateway
from fairlead.gateway.budgets import SharedBudgets
from fairlead.gateway.costs import Costs
from fairlead.gateway.limits import Limits
from fairlead.gateway.switch import Stops
from fairlead.gateway.usage_log import UsageLog
from fairlead.operate.levels import LevelBook
from fairlead.runs.assistants import Assistants
from fairlead.runs.control import Control
from fairlead.runs.feed import Feed
from fairlead.runs.figure_book import FigureBook
from fairlead.runs.oversight import Oversight
from fairlead.runs.schedules import Schedules
from fairlead.runs.scores import Scores
from fairlead.runs.threads import Threads
from fairlead.ship.checklist.ledger import AnswerLedger
from fairlead.ship.evaluation.book import Book
from fairlead.ship.ledger import Ledger
from fairlead.store import Files


@dataclass(frozen=True, slots=True)
class Doors:
    control: Control
    feed: Feed
    oversight: Oversight
    figures: FigureBook
    threads: Threads
    files: Files
    assistants: Assistants
    scores: Scores
    schedules: Schedules
    costs: Costs
    usage: UsageLog
    budgets: SharedBudgets
    stops: Stops
    limits: Limits
    gateway: Gateway
    books: Books
    levels: LevelBook
    ledger: Ledger
    answers: AnswerLedger
    evaluations: Book
    rate: RateLimit
    agents: Mapping[str, AgentSpec]
    settings: Settings
