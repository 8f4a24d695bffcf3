"""Writes the guard's tables of fields from the schemas that Kubernetes and others publish."""
