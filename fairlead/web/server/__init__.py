"""HTTP/1.1 for an ASGI application: what lies between a socket and `app(scope, receive, send)`.

Main path: a connection reads a request, the application answers it, its head and body are written at once.

May import: gateway (what tells an application that its client has left), and libraries.
"""
