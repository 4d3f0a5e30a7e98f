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

    @classmethod
    def from_dict(cls, content: Any) -> Digit:
        """What `to_dict` gave. Raises what Python raises where it is something else, as all `from_dict` do."""
        probabilities = tuple(float(value) for value in content["probabilities"])
        return cls(int(content["digit"]), float(content["confidence"]), probabilities, _box(content["box"]))


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

    @classmethod
    def from_dict(cls, content: Any) -> Line:
        """What `to_dict` gave."""
        return cls(tuple(map(Digit.from_dict, content["digits"])))


@dataclass(frozen=True)
class Rejected:
    """Ink that is not read as a digit. reason: a few words."""

    box: Box
    reason: str

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {"box": list(self.box), "reason": self.reason}

    @classmethod
    def from_dict(cls, content: Any) -> Rejected:
        """What `to_dict` gave."""
        return cls(_box(content["box"]), str(content["reason"]))


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

    @classmethod
    def from_dict(cls, content: Any) -> Reading:
        """What `to_dict` gave."""
        lines, rejected = content["lines"], content["rejected"]
        return cls(tuple(map(Line.from_dict, lines)), tuple(map(Rejected.from_dict, rejected)))


def _box(values: Any) -> Box:
    x, y, width, height = map(int, values)
    return x, y, width, height
