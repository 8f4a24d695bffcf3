"""One measured figure, the limit that it has to keep, and the line that says both."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A figure.

    Args:
        name: what was measured.
        value: what it came to.
        unit: of the value; ratios hold on every machine, so most figures are one.
        reference: what it was measured beside, and what that came to.
        most: the limit: the value must not be larger.
        samples: further numbers by name, for whoever wants to look closer.
    """

    name: str
    value: float
    unit: str
    reference: str
    most: float
    samples: Mapping[str, object] = field(default_factory=dict)

    @property
    def reached(self) -> bool:
        """Whether the value keeps the limit."""
        return self.value <= self.most

    def line(self) -> str:
        """One line of JSON."""
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
