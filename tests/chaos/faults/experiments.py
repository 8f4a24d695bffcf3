"""Every operation once without a fault, to compare with, and then as often as anybody likes with one."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from tests.chaos.faults.faults import Fault, Injection
from tests.chaos.faults.laboratory import Laboratory
from tests.chaos.faults.operations import Operation
from tests.chaos.faults.state import others, placed_anywhere
from tests.chaos.faults.wire import Call
from tests.chaos.faults.world import Saved

EXPERIMENTS = "experiments"  # a test's property: operation, fault, and how many came to the same end
_TRIES = 3  # a machine under load answers late, and then one connection becomes another
Record: TypeAlias = Callable[[str, object], None]


@dataclass(frozen=True)
class Faultless:
    """An operation without a fault.

    Attributes:
        begin: the world before it.
        settings: the settings that it ran with.
        calls: its calls, in order.
        ours: what is ours afterwards.
        others: what is not ours, before.
        others_after: the same, afterwards.
    """

    begin: Saved
    settings: Mapping[str, str]
    calls: list[Call]
    ours: dict[str, Any]
    others: str
    others_after: str


class Experiments:
    """Runs experiments in one laboratory.

    Args:
        laboratory: where.
    """

    def __init__(self, laboratory: Laboratory) -> None:
        self._laboratory = laboratory
        self._told: dict[str, Faultless] = {}

    def faultless(self, operation: Operation) -> Faultless:
        """An operation without a fault; it is run but once."""
        if operation.name not in self._told:
            self._told[operation.name] = self._tell(operation)
        return self._told[operation.name]

    def _tell(self, operation: Operation) -> Faultless:
        lab = self._laboratory
        lab.begin()
        operation.begin(lab)
        begin, before = lab.world.save(), others(lab.world)
        calls = lab.conduct(operation.stimulus).calls
        return Faultless(begin, lab.settings, calls, placed_anywhere(lab.world), before, others(lab.world))

    def differences(self, operation: Operation, fault: Fault, at: int) -> list[str]:
        """Run an operation with a fault, redeliver until it is settled, and sweep.

        Args:
            operation: the operation.
            fault: what happens.
            at: to which call.

        Returns:
            In what the world is another one than without the fault.
        """
        for _ in range(_TRIES):
            found = self._conducted(operation, fault, at)
            if found is not None:
                return found
        return [f"the calls before it were others, {_TRIES} times: this experiment tells nothing"]

    def _conducted(self, operation: Operation, fault: Fault, at: int) -> list[str] | None:
        """One experiment; `None` if the calls before the fault were not those of the faultless run."""
        told, lab = self.faultless(operation), self._laboratory
        lab.world.restore(told.begin)
        lab.settings = told.settings
        injection = Injection(fault=fault, at=at)
        went = lab.conduct(operation.stimulus, injection=injection, expected=told.calls)
        if went.calls[:at] != told.calls[:at]:
            return None
        found = [
            *_differences(told.ours, placed_anywhere(lab.world)),
            *(run.mistake for run in went.runs if run.mistake),
        ]
        if fault.kills != any(run.killed for run in went.runs):
            found.append("it was not the process that died, or another one")
        if others(lab.world) != told.others:
            found.append("something changed that is not ours")
        return found


def _differences(wanted: Any, found: Any, place: str = "") -> Iterator[str]:
    if isinstance(wanted, dict) and isinstance(found, dict):
        for key in sorted({*wanted, *found}):
            if key not in wanted or key not in found:
                yield f"{place}/{key} is {'left over' if key in found else 'missing'}"
            else:
                yield from _differences(wanted[key], found[key], f"{place}/{key}")
    elif wanted != found:
        yield f"{place} is {json.dumps(found)[:300]}, not {json.dumps(wanted)[:300]}"
