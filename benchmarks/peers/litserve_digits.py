# /// script
# dependencies = [
#   "litserve==0.2.19", "uvloop==0.23.0", "httptools==0.9.0",
#   "onnxruntime==1.32.0", "numpy==2.4.6", "pillow==13.0.0",
# ]
# ///
"""Digits by LitServe: one worker process for the model, one for HTTP, batches as they fare best here.

Arguments: run folder, port. It takes JSON or forms, so pictures come as base64 in JSON.
"""

import base64
import io
import sys

import litserve
import numpy as np
import onnxruntime
from PIL import Image


class Digits(litserve.LitAPI):
    def setup(self, device):  # noqa: ARG002 - called by that name
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(f"{sys.argv[1]}/model.onnx", options)

    def decode_request(self, request):
        if "pixels" in request:
            return np.array(request["pixels"], np.uint8)
        picture = Image.open(io.BytesIO(base64.b64decode(request["image"])))
        return np.asarray(picture.convert("L").resize((28, 28)))

    def batch(self, inputs):
        return np.stack(inputs)

    def unbatch(self, output):
        return list(output)

    def predict(self, x):
        return self.session.run(None, {"pixels": x})[0]

    def encode_response(self, output):
        digit = int(output.argmax())
        return {"results": [{"digit": digit, "confidence": float(output[digit]), "probabilities": output.tolist()}]}


if __name__ == "__main__":
    server = litserve.LitServer(
        Digits(api_path="/v1/digits", max_batch_size=16, batch_timeout=0.001), accelerator="cpu", workers_per_device=1
    )
    server.run(
        host="127.0.0.1", port=int(sys.argv[2]), num_api_servers=1, log_level="warning", generate_client_file=False
    )
