"""A picture of a filled form -> the answer in each of its fields."""

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
from inkdigit.imaging.decode import FORMATS, MAX_PIXELS
from inkdigit.imaging.grayscale import flatten
from inkdigit.imaging.preprocess import open_image
from inkdigit.reading.reader import Reader
from inkdigit.recognizer import Recognizer
from inkdigit.utils.printable import printable

SHOWN_MARGIN = 0.8  # mm around a doubtful field that are shown with it
MAX_SHOWN_SIZE = 1400  # pixels of its picture's longer side
PAPER_LEVEL = 238  # grey level of the paper in its picture


@dataclass(frozen=True)
class Answer:
    """What was read in a field.

    Attributes:
        field: the field.
        choice: the number, and how sure it is.
        picture: a PNG of the field, for a person to look at, where the answer is doubtful; empty otherwise.
    """

    field: Field
    choice: Choice
    picture: bytes = b""

    @property
    def doubtful(self) -> bool:
        """Whether a person should look at it."""
        return self.choice.confidence < self.field.min_confidence


@dataclass(frozen=True)
class Form:
    """What became of a picture of a form.

    Attributes:
        file: the picture.
        answers: one for each field of the template; none after an error.
        error: one sentence that says why the picture could not be read; None where it was.
    """

    file: Path
    answers: tuple[Answer, ...] = ()
    error: str | None = None

    @property
    def name(self) -> str:
        """The file's name, to print and save."""
        return printable(str(self.file))


class FormReader:
    """Reads filled forms of one kind. Serves any number of threads."""

    def __init__(self, template: Template, run: str | Path | None = None) -> None:
        """Open the models.

        Args:
            template: the form.
            run: a run folder, whose model reads single digits; None for the one that ships.

        Raises:
            InkdigitError: it is not a run folder.
        """
        self.template = template
        self._recognizer = Recognizer.load(*([run] if run else []))

    @cached_property
    def _line_reader(self) -> Reader:
        return Reader(self._recognizer)

    def read(self, file: Path) -> Form:
        """A picture file -> the answers in its form, or an error in the Form that is returned."""
        try:
            picture = np.asarray(flatten(open_image(file, str(file), FORMATS, MAX_PIXELS), "white"))
            grey = np.asarray(Image.fromarray(picture).convert("L"))
            matrix = locate(grey, self.template, str(file))
            return Form(file, tuple(self._answer(picture, matrix, field) for field in self.template.fields))
        except InkdigitError as error:
            return Form(file, error=printable(str(error)))

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


def _png(crop: fields.Crop) -> bytes:
    """A PNG of the field with a small margin, its paper made light."""
    edge = round((fields.MARGIN - SHOWN_MARGIN) * crop.scale)
    seen = crop.picture[edge:-edge, edge:-edge].astype(np.float32)
    paper = np.percentile(seen, 80, axis=(0, 1))
    image = Image.fromarray((seen * (PAPER_LEVEL / np.maximum(paper, 1))).clip(0, 255).astype(np.uint8))
    image.thumbnail((MAX_SHOWN_SIZE, MAX_SHOWN_SIZE), Image.Resampling.LANCZOS)
    content = io.BytesIO()
    image.quantize(64).save(content, "PNG", optimize=True)
    return content.getvalue()
