"""Filled forms -> named fields: where they are, and which of the likely readings their rules allow."""
