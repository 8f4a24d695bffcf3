"""An emulator of the Kubernetes API: enough of it to create, apply, inspect and remove environments."""
