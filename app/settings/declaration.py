"""How a setting is declared: all that is said about it stands beside its type and its default.

The reference page, the sample file and the digest of what overlays are rendered from are made of these
declarations; nothing else lists settings.
"""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

from pydantic import BaseModel, ConfigDict
from pydantic.fields import FieldInfo


@dataclass(frozen=True)
class Setting:
    """What is said about a setting.

    Attributes:
        meaning: what it is for, in Markdown.
        example: a value that it may have, as one writes it into an app setting.
        renders: whether it decides how overlays are rendered or judged. If such a setting changes, every
            overlay is due again; if one changes that is not declared so, overlays keep their result.
        counts: what of it counts for that, where it is not its text.
        shown_default: how the reference tells the default, where its value would not.
        shown_example: how the reference tells the example, where it is not a value to copy.
    """

    meaning: str
    _: KW_ONLY
    example: str
    renders: bool = False
    counts: str = ""
    shown_default: str = ""
    shown_example: str = ""


class Section(BaseModel):
    """Settings that are about the same thing. The name of a setting is its field's in capitals.

    Attributes:
        title: its heading in the reference.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", validate_default=False)

    title: ClassVar[str] = ""


def declared(fields: Mapping[str, FieldInfo]) -> dict[str, Setting]:
    """What is said about each of a section's settings.

    Args:
        fields: the fields of a section.

    Returns:
        Field → what is said about it.

    Raises:
        TypeError: a field is declared without a `Setting`, or with several.
    """
    found: dict[str, Setting] = {}
    for name, field in fields.items():
        said = [each for each in field.metadata if isinstance(each, Setting)]
        if len(said) != 1:
            raise TypeError(f"{name} has to be declared with one Setting, not with {len(said)}")
        [found[name]] = said
    return found


def as_text(value: object) -> str:
    """A value as one writes it into an app setting.

    Args:
        value: of a setting.
    """
    if isinstance(value, Mapping):
        return ",".join(f"{key}={text}" for key, text in value.items())
    return ",".join(value) if isinstance(value, tuple) else str(value)
