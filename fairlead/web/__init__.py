"""One ASGI app: the API and the console beside each other.

Main path: a request finds its route, the route asks one part below, the answer is written.

May import: operate, runs, agents, gateway, access and below.
"""
