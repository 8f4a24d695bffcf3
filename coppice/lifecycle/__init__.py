"""The lifecycle of an environment: observation, decision, ownership, drift, orphans and reports."""
