"""The settings about the branches' databases."""

from typing import Annotated, ClassVar

from pydantic import Field

from app.settings.declaration import Section, Setting
from app.settings.values import DatabasePrefix, SecretName, ServerUrl


class DatabaseSettings(Section):
    """The server of the branches' databases, and what each of them is like."""

    title: ClassVar[str] = "Databases"

    postgres_server_url: Annotated[
        ServerUrl,
        Setting(
            "admin connection to the server that all databases are on; without a password in it an Entra "
            "token is sent, anew for each connection. Empty: environments get no database",
            example="postgresql://coppice@todo.postgres.database.azure.com:5432/postgres",
            renders=True,
            counts="its host and port count",
        ),
    ] = ""
    database_prefix: Annotated[
        DatabasePrefix,
        Setting(
            "what the name of a new database begins with, `BRANCH_NAME_DB`",
            example="branch_",
            renders=True,
        ),
    ] = "feature_"
    database_template: Annotated[
        str,
        Setting("the database that each is made a copy of; empty: an empty one", example="staging_scrubbed"),
    ] = ""
    database_secret: Annotated[
        SecretName,
        Setting(
            "the Secret of the environment that its login is delivered in",
            example="postgres-login",
            renders=True,
        ),
    ] = "branch-database"  # noqa: S105 the name of one
    database_connections: Annotated[
        int, Field(ge=1, le=1000), Setting("the most connections to one of them", example="50")
    ] = 20
