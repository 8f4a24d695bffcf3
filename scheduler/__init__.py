"""Environments sleep and wake by a schedule: the file, the calendar, and the steps down and up."""
