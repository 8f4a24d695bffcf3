"""Simulators of Argo CD and Flux: they deploy from Git to a cluster, the emulator or a real one."""
