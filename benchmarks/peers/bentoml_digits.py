# /// script
# dependencies = [
#   "bentoml==1.4.40", "onnxruntime==1.32.0", "numpy==2.4.6", "pillow==13.0.0",
# ]
# ///
"""Digits by BentoML, one worker. Its handlers are async, which is faster here than its threads.

Arguments: run folder, port.
"""

import os
import sys
from pathlib import Path

import bentoml
import numpy as np
import onnxruntime
from PIL.Image import Image


@bentoml.service(workers=1, logging={"access": {"enabled": False}})
class Digits:
    def __init__(self):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(f"{os.environ['RUN']}/model.onnx", options)

    @bentoml.api(route="/v1/digits")
    async def from_pixels(self, pixels: list[list[int]]) -> dict:
        return self.answer(np.array(pixels, np.uint8))

    @bentoml.api(route="/v1/png")
    async def from_png(self, picture: Image, /) -> dict:
        return self.answer(np.asarray(picture.convert("L").resize((28, 28))))

    def answer(self, pixels):
        probabilities = self.session.run(None, {"pixels": pixels[np.newaxis]})[0][0]
        digit = int(probabilities.argmax())
        return {
            "results": [
                {"digit": digit, "confidence": float(probabilities[digit]), "probabilities": probabilities.tolist()}
            ]
        }


if __name__ == "__main__":
    here = Path(__file__)
    command = ["-m", "bentoml", "serve", f"{here.stem}:Digits", "--working-dir", str(here.parent)]
    command += ["--host", "127.0.0.1", "--port", sys.argv[2]]
    os.environ |= {"RUN": sys.argv[1], "BENTOML_DO_NOT_TRACK": "True"}
    os.execv(sys.executable, [sys.executable, *command])
