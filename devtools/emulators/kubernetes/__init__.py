"""An emulator of the Kubernetes API: enough of it to create, apply, watch over and take away environments."""
