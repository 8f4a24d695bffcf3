"""An emulator of Microsoft Entra ID: it exchanges service accounts' tokens for access tokens."""
