"""A branch's part in the two ConfigMaps that Azure Managed Prometheus reads for the whole cluster."""
