"""One model call, made safe and counted.

May import: access, telemetry and below; knows neither agents nor runs.
"""
