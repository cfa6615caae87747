"""A local Azure Functions host for Python apps, in one process.

It does the work of the platform's own host (routes, keys, timers, queues, output bindings) around
`azure-functions-runtime`, the library in which Azure runs a Python app. The app is served from its
folder, unchanged.

Unlike Azure: timers are not locked across hosts (start the second one with `--no-timers`) and
keep no record of when they last fired; only HTTP, timer and queue triggers and queue outputs are
served; retry decorators are not heeded; and an `async def` that blocks holds up the host, which
shares its event loop.
"""
