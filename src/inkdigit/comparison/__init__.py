"""Runs side by side on the same images: figures, tests, and their page."""
