"""The XML of the Queue service."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from xml.etree import ElementTree as ET

from devtools.emulators.queues.store import Message, RefusedError


def message_text(body: bytes) -> str:
    """Return the text of a message in a request body.

    Args:
        body: `<QueueMessage><MessageText>…</MessageText></QueueMessage>`.

    Returns:
        The text.

    Raises:
        RefusedError: the body is not valid XML.
    """
    try:
        return ET.fromstring(body).findtext("MessageText", default="")
    except ET.ParseError as error:
        raise RefusedError(400, "InvalidXmlDocument", f"The body is no XML: {error}.") from error


def messages_xml(messages: Iterable[Message], *, without: Sequence[str] = ()) -> bytes:
    """Return the XML of a list of messages, without the fields that the operation does not return."""
    root = ET.Element("QueueMessagesList")
    for message in messages:
        fields = {
            "MessageId": message.id,
            "InsertionTime": rfc1123(message.inserted),
            "ExpirationTime": rfc1123(message.expires),
            "PopReceipt": message.receipt,
            "TimeNextVisible": rfc1123(message.visible_from),
            "DequeueCount": str(message.dequeued),
            "MessageText": message.text,
        }
        element = ET.SubElement(root, "QueueMessage")
        for name, value in fields.items():
            if name not in without:
                ET.SubElement(element, name).text = value
    return _bytes(root)


def queues_xml(names: Iterable[str]) -> bytes:
    """Return the XML of a list of queues, in one page."""
    root = ET.Element("EnumerationResults")
    queues = ET.SubElement(root, "Queues")
    for name in names:
        ET.SubElement(ET.SubElement(queues, "Queue"), "Name").text = name
    ET.SubElement(root, "NextMarker")
    return _bytes(root)


def error_xml(error: RefusedError) -> bytes:
    """Return the XML of an error."""
    root = ET.Element("Error")
    ET.SubElement(root, "Code").text = error.code
    ET.SubElement(root, "Message").text = str(error)
    return _bytes(root)


def rfc1123(seconds: float) -> str:
    """Format a time as the service does, in whole seconds."""
    return format_datetime(datetime.fromtimestamp(seconds, UTC), usegmt=True)


def _bytes(root: ET.Element) -> bytes:
    content: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return content
