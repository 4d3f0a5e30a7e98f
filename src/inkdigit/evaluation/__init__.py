"""Predictions and labels -> figures."""
