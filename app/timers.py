"""The default schedules of the timers, as NCRONTAB in UTC.

Azure Functions needs the schedules when the app is imported. Importing the settings at that time would load
pydantic, so these two defaults are in a module of their own. The settings take them from here.
"""

SWEEP_SCHEDULE = "0 */10 * * * *"
POWER_SCHEDULE = "0 */5 * * * *"
