"""The Functions app: its settings, the container that wires ports to adapters, and what its triggers call."""
