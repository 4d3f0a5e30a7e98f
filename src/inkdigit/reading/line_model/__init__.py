"""The line model: a small network that finds the digits on a strip of ink; its training and its use."""
