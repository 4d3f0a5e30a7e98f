"""The `fast` network in plain PyTorch, channels-last; trains as many steps as each line of its input says.

Arguments: precision (float32 or bf16), batch size, the settings as JSON. Prints images/s for each line.
"""

import json
import sys
import time

import torch
from torch import nn

precision, batch, settings = sys.argv[1], int(sys.argv[2]), json.loads(sys.argv[3])
blocks, channels, side = [], 1, 28
for filters, kernel, padding in zip(settings["filters"], settings["kernel_size"], settings["padding"], strict=True):
    for i, width in enumerate(filters):
        blocks.append(nn.Conv2d(channels, width, kernel, padding=padding, bias=False))
        side -= kernel - 1 if padding == "valid" else 0
        if i == len(filters) - 1:
            blocks.append(nn.MaxPool2d(2))
            side //= 2
        blocks += [nn.BatchNorm2d(width), nn.ReLU()]
        channels = width
head = [
    nn.Linear(channels * side**2, settings["dense"], bias=False),
    nn.BatchNorm1d(settings["dense"]),
    nn.ReLU(),
]
model = nn.Sequential(*blocks, nn.Flatten(), *head, nn.Dropout(settings["dropout"]), nn.Linear(settings["dense"], 10))
model = model.to(memory_format=torch.channels_last)
optimizer = torch.optim.AdamW(model.parameters(), 1e-3, weight_decay=0.02)
images = torch.rand(batch, 1, 28, 28).to(memory_format=torch.channels_last)
labels = torch.randint(0, 10, (batch,))

for line in sys.stdin:
    started = time.perf_counter()
    for _ in range(int(line)):
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            loss = nn.functional.cross_entropy(model(images), labels, label_smoothing=0.1)
        loss.backward()
        optimizer.step()
        loss.item()
    print(int(line) * batch / (time.perf_counter() - started), flush=True)
