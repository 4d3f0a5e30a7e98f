"""A picture from outside -> 28x28 digits."""
