"""The arguments that the Functions host passes to a trigger."""

import threading
from typing import Any

import azure.functions as func


class Context(func.Context):
    """An invocation."""

    invocation_id = "0f6a7b1e-0000-4000-8000-00000000beef"
    function_name = "a_function"
    function_directory = ""
    thread_local_storage: Any = threading.local()
    trace_context: Any = None
    retry_context: Any = None


class Out(func.Out[str]):
    """An output binding that keeps the keys."""

    def __init__(self) -> None:
        self.keys: list[str] = []

    def set(self, val: str) -> None:
        self.keys.append(val)

    def get(self) -> str:
        return self.keys[-1]
