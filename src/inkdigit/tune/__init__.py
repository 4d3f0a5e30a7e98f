"""A search for better settings: trials on Optuna's advice, each a training, side by side here or on a cluster."""
