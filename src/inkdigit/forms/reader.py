"""A picture of a filled form -> what each of its fields says."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inkdigit.errors import InkdigitError
from inkdigit.forms import fields
from inkdigit.forms.decode import Choice, choose
from inkdigit.forms.locate import locate
from inkdigit.forms.template import Field, Template
from inkdigit.imaging.decode import FORMATS, LARGEST
from inkdigit.imaging.preprocess import open_image
from inkdigit.reading.reader import Reader
from inkdigit.recognizer import Recognizer

SHOWN = 0.8  # mm around a doubtful field that are shown with it
LONGEST = 1400  # pixels of its picture
LIGHT = 238  # grey level of its paper


@dataclass(frozen=True)
class Answer:
    """What a field says. picture: PNG of the field where the answer is doubtful, to be looked at."""

    field: Field
    choice: Choice
    picture: bytes = b""

    @property
    def doubtful(self) -> bool:
        """Whether a person should look at it."""
        return self.choice.confidence < self.field.min_confidence


@dataclass(frozen=True)
class Form:
    """What became of a picture: an answer for each field, or a sentence why there are none."""

    file: Path
    answers: tuple[Answer, ...] = ()
    error: str | None = None


class FormReader:
    """Reads filled forms of one kind. Serves any number of threads."""

    def __init__(self, template: Template, run: str | Path | None = None) -> None:
        """With the model of a run folder, or the one that ships. Raises InkdigitError for what is no such folder."""
        self.template = template
        self._recognizer = Recognizer.load(*([run] if run else []))

    @cached_property
    def _line_reader(self) -> Reader:
        return Reader(self._recognizer)

    def read(self, file: Path) -> Form:
        """The fields of the form in a picture file; one that cannot be read has a sentence that says why."""
        try:
            picture = np.asarray(_on_white(open_image(file, str(file), FORMATS, LARGEST)))
            grey = np.asarray(Image.fromarray(picture).convert("L"))
            matrix = locate(grey, self.template, str(file))
            return Form(file, tuple(self._answer(picture, matrix, field) for field in self.template.fields))
        except InkdigitError as error:
            return Form(file, error=str(error))

    def _answer(self, picture: NDArray[np.uint8], matrix: NDArray[np.float64], field: Field) -> Answer:
        crop = fields.cut_out(picture, matrix, field)
        if field.boxes > 1:
            digits = fields.read_boxes(crop, field.boxes, self._recognizer)
        else:
            digits = fields.read_line(crop, field.name, self._line_reader)
        choice = choose(digits.probabilities, field.rule)
        if not choice.text:
            choice = Choice("", 1.0 if field.optional else 0.0, problem=None if field.optional else "nothing was read")
        elif digits.gap and not choice.problem:
            choice = Choice(choice.text, 0.0, choice.others, "a box between others is empty")
        answer = Answer(field, choice)
        return Answer(field, choice, _png(crop)) if answer.doubtful else answer


def _on_white(picture: Image.Image) -> Image.Image:
    if picture.mode != "RGBA":
        return picture.convert("RGB")
    white = Image.new("RGBA", picture.size, "white")
    return Image.alpha_composite(white, picture).convert("RGB")


def _png(crop: fields.Crop) -> bytes:
    """The field as it is seen, with little around it, its paper made light."""
    edge = round((fields.MARGIN - SHOWN) * crop.scale)
    seen = crop.picture[edge:-edge, edge:-edge].astype(np.float32)
    paper = np.percentile(seen, 80, axis=(0, 1))
    image = Image.fromarray((seen * (LIGHT / np.maximum(paper, 1))).clip(0, 255).astype(np.uint8))
    image.thumbnail((LONGEST, LONGEST), Image.Resampling.LANCZOS)
    content = io.BytesIO()
    image.quantize(64).save(content, "PNG", optimize=True)
    return content.getvalue()
