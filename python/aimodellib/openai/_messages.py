"""Reads the messages of a chat."""

from __future__ import annotations

from typing import Any, Mapping

from ._errors import invalid

Message = Mapping[str, Any]


def read_messages(given: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the messages of a request. Raises ApiError.

    The content of each is a string if it is text; a list that contains other parts, such as images, stays a list.
    """
    messages = given.get("messages")
    if not isinstance(messages, list) or not messages:
        raise invalid("messages", "a list of at least one message")
    return [_read(message, f"messages[{index}]") for index, message in enumerate(messages)]


def _read(message: object, place: str) -> dict[str, Any]:
    if not isinstance(message, dict) or not isinstance(message.get("role"), str):
        raise invalid(place, "an object with a string 'role' and a 'content'")
    content = message.get("content")
    if content is None:
        return {**message, "content": ""}
    if isinstance(content, str):
        return message
    if not isinstance(content, list) or not all(_is_part(part) for part in content):
        raise invalid(f"{place}.content", "a string, or a list of parts that have a 'type'")
    if all(part["type"] == "text" for part in content):
        return {**message, "content": "".join(part["text"] for part in content)}
    return message


def _is_part(part: object) -> bool:
    if not isinstance(part, dict) or not isinstance(part.get("type"), str):
        return False
    return part["type"] != "text" or isinstance(part.get("text"), str)


def text_of(messages: list[dict[str, Any]]) -> str:
    """Return all text of the messages."""
    texts: list[str] = []
    for message in messages:
        content = message["content"]
        parts = [content] if isinstance(content, str) else [part.get("text", "") for part in content]
        texts += [part for part in parts if isinstance(part, str)]
    return "\n".join(texts)
