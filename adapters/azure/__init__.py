"""Azure Resource Manager: managed identities, their federated credentials, and the managed cluster."""
