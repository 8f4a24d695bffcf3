"""The parts of an observation. A change says which of them it touches (`Change.touches`)."""

from enum import StrEnum


class ObservedPart(StrEnum):
    """A part of the observation of a branch that a change may alter.

    No change alters what else is observed: the repository, the issuer, and whether environments sleep.
    """

    RECORDS = "records"
    NAMESPACE = "namespace"
    CREDENTIALS = "credentials"
    OBJECTS = "objects"
    DATABASE = "database"
    MONITORING = "monitoring"
