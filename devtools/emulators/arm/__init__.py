"""An emulator of Azure Resource Manager: managed identities with their credentials, and AKS node pools."""
