"""The life of an environment: observe it, decide what is wanted, keep to what is ours, find drift, report."""
