"""A picture from outside -> 28x28 digits."""

IMAGE_SIZE = 28  # pixels of each side of an image in MNIST's form
