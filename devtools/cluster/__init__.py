"""A current Kubernetes that runs for real on this machine, without containers; kwok simulates its nodes."""
