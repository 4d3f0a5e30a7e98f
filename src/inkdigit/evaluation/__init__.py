"""Predictions and labels -> figures, and calibrated probabilities."""
