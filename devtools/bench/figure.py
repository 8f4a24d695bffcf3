"""One measured figure, the limit that it has to keep, and the line that says both."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A measured figure.

    Args:
        name: what was measured.
        value: the measured value.
        unit: the value's unit; most figures are ratios, which are comparable across machines.
        reference: the reference measurement, and its value.
        most: the limit; the value must not exceed it.
        samples: additional numbers by name, for a closer look.
    """

    name: str
    value: float
    unit: str
    reference: str
    most: float
    samples: Mapping[str, object] = field(default_factory=dict)

    @property
    def reached(self) -> bool:
        """Whether the value is within the limit."""
        return self.value <= self.most

    def line(self) -> str:
        """Return the figure as one line of JSON."""
        return json.dumps(
            {
                "figure": self.name,
                "value": round(self.value, 3),
                "unit": self.unit,
                "reference": self.reference,
                "must": f"<= {self.most:g}",
                "reached": self.reached,
                **({"samples": dict(self.samples)} if self.samples else {}),
            }
        )
