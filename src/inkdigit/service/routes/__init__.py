"""One module for each API that the service offers."""
