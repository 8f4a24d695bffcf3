"""Players of Argo CD and Flux: they bring Git to a cluster over its API, the emulator's or a real one's."""
