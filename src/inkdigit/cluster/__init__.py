"""The same work on Ray: on this machine, or on the cluster that RAY_ADDRESS names."""
