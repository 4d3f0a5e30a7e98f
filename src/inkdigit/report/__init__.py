"""A run's figures -> pictures and one HTML page."""
