"""Environments sleep and wake by a schedule: the file, the calendar, and the plans down and up."""
