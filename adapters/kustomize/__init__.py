"""kustomize: builds an overlay from files in memory, isolated from everything else."""
