"""A local functions host: it runs a `FunctionApp` where Azure Functions Core Tools are missing.

What it does not do: other bindings than HTTP, timer and queue triggers and queue outputs; functions
of the first programming model; route constraints (`{id:int}`) and optional parameters; reloading on change;
log levels and sampling from host.json, retry policies, function timeouts but in worker processes, dynamic
concurrency; identity-based connections; keys other than `LOCAL_FUNCTION_KEY`; making up for timer occurrences
that were missed.

Three things differ on purpose. A queue is polled at least once a second, whatever `maxPollingInterval` is.
App settings come from local.settings.json alone, where Core Tools let the shell win. And this program is
not served before its settings are whole.
"""
