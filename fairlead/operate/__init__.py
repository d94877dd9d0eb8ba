"""What people who run Fairlead need: backup and restore, a look at a running system, service levels,
and what their own tools load.

Main path: `backup.take` before something dangerous, `backup.restore` after it went wrong; `check.look` asks how a
system is now, `levels` says how it was; `monitoring` writes rules, dashboards and routes.

May import: ship and what is below it, but nothing of runs, agents, store and gateway.
"""
