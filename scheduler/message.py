"""The queue message that carries an environment's key.

A key names an environment, and says nothing about what state it should be in.
"""

from coppice.reconciler.message import NONE, Stamps, decode, encode

_ENVIRONMENT = "environment"


def to_message(environment: str, stamps: Stamps = NONE) -> str:
    """Write the queue message.

    Args:
        environment: the environment's name.
        stamps: what travels with it.

    Returns:
        JSON with the key `environment`, and the stamps.
    """
    return encode({_ENVIRONMENT: environment}, stamps)


def from_message(text: str | bytes) -> tuple[str, Stamps]:
    """Read a queue message.

    Args:
        text: the message's body.

    Returns:
        The environment's name and its stamps.

    Raises:
        ValueError: the message names no environment, and why.
    """
    fields, stamps = decode(text, _ENVIRONMENT)
    if not fields[_ENVIRONMENT]:
        raise ValueError("The message's environment is empty.")
    return fields[_ENVIRONMENT], stamps
