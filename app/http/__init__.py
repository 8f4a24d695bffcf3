"""What HTTP answers: facts, plans and reports as JSON, and errors as statuses."""
