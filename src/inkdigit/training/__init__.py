"""From settings and images to a run folder."""
