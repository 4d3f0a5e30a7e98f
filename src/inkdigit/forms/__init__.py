"""Pictures of filled forms -> a table: where the fields are, and the most probable numbers that their rules allow."""
