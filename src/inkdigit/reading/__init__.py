"""Pictures with handwritten digits -> their lines of digits."""
