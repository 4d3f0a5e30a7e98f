"""A look at a training set before it is trusted."""
