"""What was read in a picture: lines of digits, and the ink that is none."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Box = tuple[int, int, int, int]  # x, y, width, height in pixels of the picture as it is seen, upright


@dataclass(frozen=True)
class Digit:
    """One digit.

    confidence: the probability of `digit`. probabilities: of the digits 0 to 9.
    """

    digit: int
    confidence: float
    probabilities: tuple[float, ...]
    box: Box

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "digit": self.digit,
            "confidence": round(self.confidence, 6),
            "probabilities": [round(value, 6) for value in self.probabilities],
            "box": list(self.box),
        }


@dataclass(frozen=True)
class Line:
    """Digits side by side, from left to right."""

    digits: tuple[Digit, ...]

    @property
    def text(self) -> str:
        """The digits, without spaces."""
        return "".join(str(digit.digit) for digit in self.digits)

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {"text": self.text, "digits": [digit.to_dict() for digit in self.digits]}


@dataclass(frozen=True)
class Rejected:
    """Ink that is not read as a digit. reason: a few words."""

    box: Box
    reason: str

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {"box": list(self.box), "reason": self.reason}


@dataclass(frozen=True)
class Reading:
    """All that was read in a picture, its lines from top to bottom."""

    lines: tuple[Line, ...] = ()
    rejected: tuple[Rejected, ...] = field(default=())

    @property
    def text(self) -> str:
        """A line of text for each line of ink; empty where there is none."""
        return "\n".join(line.text for line in self.lines)

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "text": self.text,
            "lines": [line.to_dict() for line in self.lines],
            "rejected": [rejected.to_dict() for rejected in self.rejected],
        }
