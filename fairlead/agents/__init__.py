"""What an agent is: agent, tool, memory, context and the loop.

Main path: ask the model, use the tools it names, repeat until it answers.

May import: gateway and below; never runs.
"""

from __future__ import annotations

from fairlead.agents.agent import Agent as Agent
from fairlead.agents.agent import Choices as Choices
from fairlead.agents.context import BlobRef as BlobRef
from fairlead.agents.context import ChildRun as ChildRun
from fairlead.agents.context import Context as Context
from fairlead.agents.context import Conversation as Conversation
from fairlead.agents.context import Decision as Decision
from fairlead.agents.context import Escalation as Escalation
from fairlead.agents.context import Knowledge as Knowledge
from fairlead.agents.context import Memory as Memory
from fairlead.agents.context import Store as Store
from fairlead.agents.context import ToolContext as ToolContext
from fairlead.agents.files import InputFile as InputFile
from fairlead.agents.invoke import check_outcome as check_outcome
from fairlead.agents.invoke import invoke as invoke
from fairlead.agents.jsonable import decode as decode
from fairlead.agents.jsonable import encode as encode
from fairlead.agents.knowledge_tool import knowledge_tool as knowledge_tool
from fairlead.agents.load import Project as Project
from fairlead.agents.load import load_project as load_project
from fairlead.agents.loop import Answer as Answer
from fairlead.agents.loop import converse as converse
from fairlead.agents.memory import MemoryBuffer as MemoryBuffer
from fairlead.agents.memory import Message as Message
from fairlead.agents.request import request_body as request_body
from fairlead.agents.spec import AgentSpec as AgentSpec
from fairlead.agents.spec import spec_of as spec_of
from fairlead.agents.thread import in_thread as in_thread
from fairlead.agents.tool import Done as Done
from fairlead.agents.tool import NotDone as NotDone
from fairlead.agents.tool import Outcome as Outcome
from fairlead.agents.tool import Tool as Tool
from fairlead.agents.tool import Unknown as Unknown
from fairlead.agents.tool import tool as tool
