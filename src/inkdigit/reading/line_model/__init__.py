"""The learned line reader: a network that finds digits along a strip, and its training."""
