"""The demo: what the program does, step by step and checked, with every outside system as a local process."""
