"""kustomize: builds an overlay from files in memory, out of reach of everything else."""
