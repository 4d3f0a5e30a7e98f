"""Small parts that know nothing of digits."""
