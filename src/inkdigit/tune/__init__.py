"""A search for better settings: trials that Optuna proposes, each a training, in processes or on a cluster."""
