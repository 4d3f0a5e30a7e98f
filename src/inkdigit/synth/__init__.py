"""Pages of handwriting made of MNIST's digits, with their labels."""
