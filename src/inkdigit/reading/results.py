"""What was read in a picture: lines of digits, and the ink that is not a digit; in Python and in JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from inkdigit.imaging.crop import Box

_MAX_SIDE = 40_000_000  # pixels, of any picture


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
            KeyError, OverflowError, TypeError, ValueError: they are not what `to_dict` returns. The same holds for the
                other classes.
        """
        digit, confidence, probabilities = classification(content)
        return cls(digit, confidence, probabilities, _box(content["box"]))


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


def classification(content: Any) -> tuple[int, float, tuple[float, ...]]:
    """The fields of a JSON object -> its digit, its confidence and its ten probabilities.

    Raises:
        KeyError, OverflowError, TypeError, ValueError: one is missing, or not within its bounds.
    """
    digit, confidence = int(content["digit"]), float(content["confidence"])
    probabilities = tuple(map(float, content["probabilities"]))
    in_bounds = all(0 <= value <= 1 for value in (confidence, *probabilities))  # NaN, which Python reads, is not
    if digit not in range(10) or len(probabilities) != 10 or not in_bounds:
        raise ValueError(f"{digit} with a confidence of {confidence} is not the answer of a classifier")
    return digit, confidence, probabilities


def _box(values: Any) -> Box:
    x, y, width, height = map(int, values)
    if min(x, y) < 0 or min(width, height) < 1 or max(x + width, y + height) > _MAX_SIDE:
        raise ValueError(f"{values} is not a box in a picture")
    return x, y, width, height
