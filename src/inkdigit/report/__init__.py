"""Figures -> pictures and one HTML page."""
