"""Experiments: an operation with one fault, compared with the same operation without a fault."""

import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from tests.chaos.faults.faults import Fault, Injection
from tests.chaos.faults.laboratory import Laboratory
from tests.chaos.faults.operations import Operation
from tests.chaos.faults.state import others, ours, ours_on_any_identity
from tests.chaos.faults.wire import Call
from tests.chaos.faults.world import Saved

EXPERIMENTS = "experiments"  # a test's property: operation, fault, and the number of experiments that passed
_TRIES = 3  # under load an answer may come late, and then the program makes other calls
Record: TypeAlias = Callable[[str, object], None]


@dataclass(frozen=True)
class Faultless:
    """An operation without a fault.

    Attributes:
        begin: the state of the outside systems before it.
        settings: the app settings that it ran with.
        calls: its calls, in order.
        ours: what the program owns afterwards.
        comparable: the same, whichever identities it was given.
        others: what the program does not own, before.
        others_after: the same, afterwards.
    """

    begin: Saved
    settings: Mapping[str, str]
    calls: list[Call]
    ours: dict[str, Any]
    comparable: dict[str, Any]
    others: str
    others_after: str


class Experiments:
    """Runs experiments in one laboratory.

    Args:
        laboratory: the emulators and the program.
    """

    def __init__(self, laboratory: Laboratory) -> None:
        self._laboratory = laboratory
        self._faultless: dict[str, Faultless] = {}

    def faultless(self, operation: Operation) -> Faultless:
        """The result of an operation without a fault; it runs only once."""
        if operation.name not in self._faultless:
            self._faultless[operation.name] = self._run_faultless(operation)
        return self._faultless[operation.name]

    def _run_faultless(self, operation: Operation) -> Faultless:
        lab = self._laboratory
        lab.begin()
        operation.begin(lab)
        begin, before = lab.world.save(), others(lab.world)
        calls = lab.run_operation(operation.stimulus).calls
        return Faultless(
            begin=begin,
            settings=lab.settings,
            calls=calls,
            ours=ours(lab.world),
            comparable=ours_on_any_identity(lab.world),
            others=before,
            others_after=others(lab.world),
        )

    def differences(self, operation: Operation, fault: Fault, at: int) -> list[str]:
        """Run an operation with a fault, redeliver its messages until none is left, and sweep.

        Args:
            operation: the operation.
            fault: the fault.
            at: the number of the call that it happens to.

        Returns:
            The differences from the same operation without a fault.
        """
        for _ in range(_TRIES):
            found = self._run_experiment(operation, fault, at)
            if found is not None:
                return found
        return [f"the calls before the fault differed in {_TRIES} tries: the experiment proves nothing"]

    def sample(
        self, calls: Sequence[tuple[Operation, int]], faults: Sequence[Fault], *, seed: int, number: int
    ) -> Iterator[tuple[Operation, Fault, str, list[str]]]:
        """Run experiments that a seed draws.

        Args:
            calls: operations with the numbers of their calls, to draw from.
            faults: the faults to draw from.
            seed: decides what is drawn.
            number: how many experiments to run.

        Yields:
            Of each experiment the operation, the fault, a description, and the differences.
        """
        drawn = random.Random(seed)
        for operation, at in drawn.sample(calls, number):
            fault = drawn.choice(faults)
            found = self.differences(operation, fault, at)
            call = self.faultless(operation).calls[at]
            yield operation, fault, f"{fault} at call {at} of {operation.name}, {call}", found

    def _run_experiment(self, operation: Operation, fault: Fault, at: int) -> list[str] | None:
        """One experiment; `None` if the calls before the fault were not those of the faultless run."""
        faultless, lab = self.faultless(operation), self._laboratory
        lab.world.restore(faultless.begin)
        lab.settings = faultless.settings
        injection = Injection(fault=fault, at=at)
        outcome = lab.run_operation(operation.stimulus, injection=injection, expected=faultless.calls)
        if outcome.calls[:at] != faultless.calls[:at]:
            return None
        found = [
            *_differences(faultless.comparable, ours_on_any_identity(lab.world)),
            *(run.mistake for run in outcome.runs if run.mistake),
        ]
        if fault.kills != any(run.killed for run in outcome.runs):
            found.append("a process was killed that should live, or none was killed")
        if others(lab.world) != faultless.others:
            found.append("something changed that is not ours")
        return found


def _differences(expected: Any, found: Any, reference: str = "") -> Iterator[str]:
    if isinstance(expected, dict) and isinstance(found, dict):
        for key in sorted({*expected, *found}):
            if key not in expected or key not in found:
                yield f"{reference}/{key} is {'left over' if key in found else 'missing'}"
            else:
                yield from _differences(expected[key], found[key], f"{reference}/{key}")
    elif expected != found:
        yield f"{reference} is {json.dumps(found)[:300]}, not {json.dumps(expected)[:300]}"
