"""Pages drawn for tests: noughts, ones and sevens of plain strokes, on paper of many kinds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Box = tuple[int, int, int, int]


@dataclass
class Page:
    """Ink strength is drawn on it, (H, W) from 0 to 1; `picture` puts it on paper under a light."""

    ink: NDArray[Any]

    @classmethod
    def empty(cls, width: int, height: int) -> Page:
        return cls(np.zeros((height, width), np.float32))

    def write(self, text: str, x: int, y: int, tall: int, pen: float = 0.1, step: float = 0.9) -> list[Box]:
        """Digits 0, 1 and 7 with their tops at y, so tall, a step (in heights) apart; their boxes."""
        canvas = Image.new("L", (self.ink.shape[1] * 2, self.ink.shape[0] * 2))
        draw = ImageDraw.Draw(canvas)
        pen = max(1.2, pen * tall)
        boxes: list[Box] = []
        for number, digit in enumerate(text):
            left, wide = round(x + number * step * tall), round((0.08 if digit == "1" else 0.6) * tall)
            inside = [(left + pen / 2) * 2, (y + pen / 2) * 2, (left + wide - pen / 2) * 2, (y + tall - pen / 2) * 2]
            if digit == "0":
                draw.ellipse([2 * left, 2 * y, 2 * (left + wide), 2 * (y + tall)], outline=255, width=round(2 * pen))
            elif digit == "1":
                draw.line([inside[0], 2 * y, inside[0], 2 * (y + tall)], fill=255, width=round(2 * pen))
            else:
                corners = [(inside[0], inside[1]), (inside[2], inside[1]), (inside[0] + wide / 2, inside[3])]
                draw.line(corners, fill=255, width=round(2 * pen), joint="curve")
            boxes.append((left, y, wide, tall))
        self.add(np.asarray(canvas.reduce(2), np.float32) / 255)
        return boxes

    def add(self, ink: NDArray[Any]) -> None:
        self.ink = np.maximum(self.ink, ink)

    def turned(self, degrees: float) -> Page:
        grey = Image.fromarray((self.ink * 255).astype(np.uint8))
        return Page(np.asarray(grey.rotate(degrees, Image.Resampling.BICUBIC, expand=True), np.float32) / 255)

    def picture(
        self,
        rng: np.random.Generator | None = None,
        *,
        noise: float = 0,
        light: NDArray[Any] | float = 1,
        paper: tuple[int, int, int] = (225, 222, 215),
        pen: tuple[int, int, int] = (40, 45, 60),
    ) -> Image.Image:
        shares = self.ink[..., None]
        colours = (np.array(paper) * (1 - shares) + np.array(pen) * shares) * np.asarray(light)[..., None]
        if rng is not None and noise:
            colours = colours + rng.normal(0, noise, colours.shape)
        return Image.fromarray(colours.clip(0, 255).astype(np.uint8))
