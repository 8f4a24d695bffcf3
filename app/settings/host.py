"""The settings about the host: the program reads one of them, Functions and the local host the others."""

from typing import Annotated, ClassVar, Literal

from app.settings.declaration import Section, Setting

FUNCTIONS_SETTINGS = {
    "AzureWebJobsStorage": Setting(
        "queues and timers: a connection string, or `UseDevelopmentStorage=true` for Azurite. With an "
        "identity: `AzureWebJobsStorage__accountName` (or `__queueServiceUri`), `__credential` and "
        "`__clientId` instead",
        example="UseDevelopmentStorage=true",
        shown_default="required in Azure; the local host without it keeps its queues in memory",
    ),
    "LOCAL_FUNCTION_KEY": Setting(
        "the local host asks for this function key; without it, it asks for none. Azure ignores it",
        example="local-key",
        shown_default="empty",
    ),
}
"""Name → what is said about a setting that is no field of a section, because the program does not read it."""


class HostSettings(Section):
    """What stands before the app."""

    title: ClassVar[str] = "The host"

    console_auth: Annotated[
        Literal["off", "easyauth"],
        Setting(
            "`easyauth`: App Service's authentication stands before the app, and who asks is whom it names "
            "(`X-MS-CLIENT-PRINCIPAL-NAME`). `off`: whoever has a key can send that header, "
            "so it is not read",
            example="easyauth",
        ),
    ] = "off"
