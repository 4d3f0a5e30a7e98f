# /// script
# dependencies = [
#   "fastapi==0.165.0", "uvicorn==0.54.0", "uvloop==0.23.0", "httptools==0.9.0",
#   "onnxruntime==1.32.0", "numpy==2.4.6", "pillow==13.0.0",
# ]
# ///
"""Digits by a plain FastAPI handler that calls ONNX Runtime in line.

Arguments: run folder, port. One uvicorn worker without an access log; the body is read unchecked, which is
faster than through pydantic.
"""

import io
import sys

import numpy as np
import onnxruntime
import uvicorn
from fastapi import FastAPI, Request
from PIL import Image

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1  # faster here than the default, whose second thread spins
session = onnxruntime.InferenceSession(f"{sys.argv[1]}/model.onnx", options)
app = FastAPI()


@app.post("/v1/digits")
async def from_pixels(request: Request):
    return answer(np.array((await request.json())["pixels"], np.uint8))


@app.post("/v1/png")
async def from_png(request: Request):
    picture = Image.open(io.BytesIO(await request.body())).convert("L").resize((28, 28))
    return answer(np.asarray(picture))


def answer(pixels):
    probabilities = session.run(None, {"pixels": pixels[np.newaxis]})[0][0]
    digit = int(probabilities.argmax())
    return {
        "results": [
            {"digit": digit, "confidence": float(probabilities[digit]), "probabilities": probabilities.tolist()}
        ]
    }


uvicorn.run(app, port=int(sys.argv[2]), access_log=False, log_level="warning")
