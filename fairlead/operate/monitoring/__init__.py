"""What operators load into their own tools: rules, dashboards, routes of alerts, and where logs go.

    alerts, dashboards (values) ──► rules, panels ──► a folder of files, which nobody's edits are lost in

Main path: `monitoring_files` says what is to be where, `write_folder` puts it there.

May import: telemetry, errors.
"""

from fairlead.operate.monitoring.alerts import ALERTS, Alert, Exporter, Profile
from fairlead.operate.monitoring.folder import State, differences, write_folder
from fairlead.operate.monitoring.monitoring_files import PARTS, monitoring_files
from fairlead.operate.monitoring.runbooks import runbook_of

__all__ = [
    "ALERTS",
    "PARTS",
    "Alert",
    "Exporter",
    "Profile",
    "State",
    "differences",
    "monitoring_files",
    "runbook_of",
    "write_folder",
]
