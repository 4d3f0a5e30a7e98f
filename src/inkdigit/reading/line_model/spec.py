"""What the line model's network, its training samples and its detector agree on.

The network goes along a strip, (STRIP_HEIGHT, W) with ink bright on 0, and answers for each column of STRIDE pixels.
"""

from __future__ import annotations

from inkdigit.imaging.page import deskew
from inkdigit.runs.run import SHIPPED_RUN

STRIP_HEIGHT = deskew.STRIP_HEIGHT  # pixels
STRIDE = 2  # pixels of a strip for each column of the answer
BOX_UNIT = 16.0  # pixels: the sides of boxes are given in these

# The channels of the answer: the logit that the middle of a digit is in this column; the logits of the ten digits;
# how far the digit's box reaches to the left and right of the column's middle, and up and down from the strip's middle.
OBJECTNESS, DIGITS, BOX = slice(0, 1), slice(1, 11), slice(11, 15)
CHANNELS = 15
LEFT, UP, RIGHT, DOWN = range(BOX.start, BOX.stop)

INPUT, OUTPUT = "strips", "columns"  # names in the ONNX file

SHIPPED_LINE_MODEL = SHIPPED_RUN / "line"  # a folder with the model and its manifest
