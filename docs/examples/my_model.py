"""A network of one's own: `inkdigit train --model docs/examples/my_model.py`.

It takes pixels (N, 28, 28) uint8 and ends in softmax over the ten digits. Scaling is the first layer, so that every
user of the saved model sends plain pixels. `settings` holds every setting; use those you like.
"""

import keras
from keras import layers


def build(settings):
    return keras.Sequential(
        [
            keras.Input((28, 28), dtype="uint8"),
            layers.Rescaling(1 / 255),
            layers.Reshape((28, 28, 1)),
            layers.Conv2D(16, 5, strides=2, activation="relu"),
            layers.BatchNormalization(),
            layers.SeparableConv2D(64, 3, activation="relu"),
            layers.BatchNormalization(),
            layers.GlobalAveragePooling2D(),
            layers.Dropout(settings.dropout / 2),
            layers.Dense(10, activation="softmax"),
        ]
    )
