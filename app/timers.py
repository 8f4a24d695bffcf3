"""When the timers run where nobody says otherwise, as NCRONTAB in UTC.

Functions wants the schedules when the app is imported, before anything else is known. So these two defaults
stand apart from the settings, which take them from here: importing those loads pydantic.
"""

SWEEP_SCHEDULE = "0 */10 * * * *"
POWER_SCHEDULE = "0 */5 * * * *"
