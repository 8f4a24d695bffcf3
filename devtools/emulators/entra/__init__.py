"""A stand-in for Microsoft Entra ID: it exchanges service accounts' tokens for access tokens."""
