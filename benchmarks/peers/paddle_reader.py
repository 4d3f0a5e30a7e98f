# /// script
# dependencies = ["rapidocr-onnxruntime==1.4.4", "onnxruntime==1.32.0"]
# ///
"""Text by PaddleOCR's models in ONNX Runtime.

Takes names of picture files, one a line; prints {"texts": [the lines of each, from top to bottom], "seconds": …}.
"""

import json
import sys
import time

from rapidocr_onnxruntime import RapidOCR

reader = RapidOCR()
files = sys.stdin.read().splitlines()
texts = []
started = time.perf_counter()
for file in files:
    found, _ = reader(file)
    # Boxes whose middles are at one height are a line, read from left to right.
    boxes = [
        (min(x for x, _ in box), min(y for _, y in box), max(y for _, y in box), text) for box, text, _ in found or []
    ]
    lines = []
    for left, top, bottom, text in sorted(boxes, key=lambda box: box[1] + box[2]):
        if lines and (top + bottom) / 2 < lines[-1][0]:
            lines[-1][1].append((left, text))
        else:
            lines.append((bottom, [(left, text)]))
    texts.append("\n".join("".join(text for _, text in sorted(parts)) for _, parts in lines))
print(json.dumps({"texts": texts, "seconds": time.perf_counter() - started}))
