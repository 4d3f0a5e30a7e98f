"""The parts of benchmarks/serving.py: servers, the load they get, and one module a figure."""
