"""Filled forms -> named fields: where they are, what is written in them, which of the likely readings their rules allow."""
