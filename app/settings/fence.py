"""The settings about the fence."""

from typing import Annotated, ClassVar

from pydantic import Field

from app.settings.declaration import Section, Setting
from app.settings.values import Networks


class FenceSettings(Section):
    """Where the fence's files lie, and the networks that stand in them by name."""

    title: ClassVar[str] = "The fence"

    fence: Annotated[
        str,
        Field(min_length=1),
        Setting(
            "the folder of its files, relative to the app's folder",
            example="our-fence",
            renders=True,
            counts="what its files hold counts",
        ),
    ] = "fence"
    gateway_cidrs: Annotated[
        Networks,
        Setting(
            "networks that the gateway's requests come from; empty: no gateway gets in",
            example="10.225.0.0/24",
            renders=True,
        ),
    ] = ()
    database_cidrs: Annotated[
        Networks,
        Setting(
            "networks of the database server, if it has a private address",
            example="10.224.8.4/32",
            renders=True,
        ),
    ] = ()
    private_cidrs: Annotated[
        Networks,
        Setting(
            "private networks that environments may reach",
            example="10.9.0.0/16,fd00:9::/48",
            renders=True,
        ),
    ] = ()
