"""Who asks a model in its own process: Fairlead and its peers, one file each, driven by `bench.caller`.

A caller opens its client, then does as many calls as it is told, and answers what they took. Those of the peers run in
the peers' virtual environment, so `protocol` needs nothing but Python.
"""
