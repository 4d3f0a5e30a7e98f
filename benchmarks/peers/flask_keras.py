# /// script
# dependencies = [
#   "flask==3.1.3", "tensorflow-cpu==2.21.0", "keras==3.15.1", "numpy==2.4.6", "pillow==13.0.0",
# ]
# ///
"""Digits by Flask and Keras's `predict` behind Flask's own server, as the usual tutorial has it.

Arguments: run folder, port.
"""

import logging
import sys

import keras
import numpy as np
from flask import Flask, request
from PIL import Image

model = keras.models.load_model(f"{sys.argv[1]}/model.keras")
app = Flask(__name__)


@app.post("/v1/digits")
def from_pixels():
    return answer(np.array(request.json["pixels"], np.uint8))


@app.post("/v1/png")
def from_png():
    return answer(np.asarray(Image.open(request.stream).convert("L").resize((28, 28))))


def answer(pixels):
    probabilities = model.predict(pixels[np.newaxis], verbose=0)[0]
    digit = int(probabilities.argmax())
    return {
        "results": [
            {"digit": digit, "confidence": float(probabilities[digit]), "probabilities": probabilities.tolist()}
        ]
    }


logging.getLogger("werkzeug").setLevel(logging.WARNING)
app.run(port=int(sys.argv[2]))
