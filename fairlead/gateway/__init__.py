"""One model call, made safe and counted.

Main path: build a stack of wrappers of one shape; `complete` passes a request down it and a reply up.

May import: access, telemetry and below; knows neither agents nor runs.
"""
