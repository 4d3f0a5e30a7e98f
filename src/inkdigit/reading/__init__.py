"""Pictures with handwritten digits -> the digits, as they stand."""
