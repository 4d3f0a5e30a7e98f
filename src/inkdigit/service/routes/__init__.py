"""One module for each face of the service."""
