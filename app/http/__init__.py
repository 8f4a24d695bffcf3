"""Builds the responses of the HTTP API: facts, plans and reports as JSON, and errors as statuses."""
