"""What was read in a picture: lines of digits, and the ink that is not a digit; in Python and in JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from inkdigit.imaging.crop import Box


@dataclass(frozen=True)
class Digit:
    """One digit.

    Attributes:
        digit: 0 to 9.
        confidence: the calibrated probability that there is a digit, and this one.
        probabilities: ten, of the digits 0 to 9, if there is one.
        box: its box in the picture.
    """

    digit: int
    confidence: float
    probabilities: tuple[float, ...]
    box: Box

    def to_dict(self) -> dict[str, Any]:
        """The fields of the JSON object."""
        return {
            "digit": self.digit,
            "confidence": round(self.confidence, 6),
            "probabilities": [round(value, 6) for value in self.probabilities],
            "box": list(self.box),
        }

    @classmethod
    def from_dict(cls, content: Any) -> Digit:
        """The fields of a JSON object -> the digit.

        Raises:
            KeyError, TypeError, ValueError: they are not what `to_dict` returns. The same holds for the other classes.
        """
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
        """The fields of the JSON object."""
        return {"text": self.text, "digits": [digit.to_dict() for digit in self.digits]}

    @classmethod
    def from_dict(cls, content: Any) -> Line:
        """The fields of a JSON object, as `to_dict` returns them -> the object."""
        return cls(tuple(map(Digit.from_dict, content["digits"])))


@dataclass(frozen=True)
class Rejected:
    """Ink that is not read as a digit, and the reason in a few words."""

    box: Box
    reason: str

    def to_dict(self) -> dict[str, Any]:
        """The fields of the JSON object."""
        return {"box": list(self.box), "reason": self.reason}

    @classmethod
    def from_dict(cls, content: Any) -> Rejected:
        """The fields of a JSON object, as `to_dict` returns them -> the object."""
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
        """The fields of the JSON object."""
        return {
            "text": self.text,
            "lines": [line.to_dict() for line in self.lines],
            "rejected": [rejected.to_dict() for rejected in self.rejected],
        }

    @classmethod
    def from_dict(cls, content: Any) -> Reading:
        """The fields of a JSON object, as `to_dict` returns them -> the object."""
        lines, rejected = content["lines"], content["rejected"]
        return cls(tuple(map(Line.from_dict, lines)), tuple(map(Rejected.from_dict, rejected)))


def _box(values: Any) -> Box:
    x, y, width, height = map(int, values)
    return x, y, width, height
