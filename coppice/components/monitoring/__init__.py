"""A branch's share in the two ConfigMaps that Azure Managed Prometheus reads for the whole cluster."""
