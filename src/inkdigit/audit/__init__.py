"""A training set's probably wrong labels, and the images that it contains twice."""
