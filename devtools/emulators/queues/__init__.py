"""An emulator of Azure Queue storage that keeps messages in memory, for where there is no storage at all."""
