"""Pages of handwriting made up from MNIST's digits, with their truth."""
