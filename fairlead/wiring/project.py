"""What a process begins with: the settings, and the project's agents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fairlead.agents.load import Declaration, find_declaration, load_project, read_declaration
from fairlead.agents.load_code import load_object
from fairlead.agents.mcp.declared import Server, parse_servers
from fairlead.agents.spec import AgentSpec
from fairlead.config import Role, Settings, UnknownPrice, load_settings
from fairlead.errors import ConfigurationError
from fairlead.gateway.models import Model, parse_models
from fairlead.gateway.price import usd
from fairlead.gateway.prices import CEILING, Prices, parse_prices


@dataclass(frozen=True, slots=True)
class Setup:
    """`agents` may be filled anew when the code changes: who holds it sees the change."""

    settings: Settings
    declared: Declaration
    agents: dict[str, AgentSpec]

    @property
    def providers(self) -> Mapping[str, Mapping[str, Any]]:
        return self.declared.providers

    @property
    def models(self) -> Mapping[str, Model]:
        """The models that the project declares; a classifier of its code is loaded. Raises `ConfigurationError`."""
        declared = self.declared
        return parse_models(
            declared.models, lambda target: load_object(declared.root, target, declared_in=declared.file)
        )

    @property
    def prices(self) -> Prices:
        """What models cost: the project's own prices first. Raises `ConfigurationError`."""
        models = self.settings.models
        most = models.unknown_price_usd
        return Prices(
            parse_prices(self.declared.prices),
            ceiling=CEILING if most is None else usd(str(most), str(most)),
            refuse_unknown=models.unknown_price is UnknownPrice.REFUSE,
        )

    @property
    def mcp(self) -> Mapping[str, Server]:
        """The MCP servers that the project declares, with their secrets. Raises `ConfigurationError`."""
        return parse_servers(self.declared.mcp, root=self.declared.root, secret=self.settings.secret)

    def load(self) -> None:
        """Read the project's code afresh. Raises `ConfigurationError` and then keeps what it had."""
        project = load_project(self.declared.file)
        self.agents.clear()
        self.agents.update(project.agents)


def open_setup(path: Path | None = None, *, needed_by: Sequence[Role] | None = (), **overrides: Any) -> Setup:
    """Of the project in a folder, or the nearest above it. None of its code runs yet: see `Setup.load`. `needed_by`: as
    of `load_settings`."""
    declared = read_declaration(path or Path.cwd())
    return Setup(load_settings(root=declared.root, needed_by=needed_by, **overrides), declared, {})


def settings_here(path: Path | None = None, *, needed_by: Sequence[Role] | None = (), **overrides: Any) -> Settings:
    """The settings of the project we stand in; of the folder, where there is none."""
    here = path or Path.cwd()
    try:
        root = find_declaration(here).parent
    except ConfigurationError:
        root = here
    return load_settings(root=root, needed_by=needed_by, **overrides)
