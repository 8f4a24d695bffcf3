"""Deprovisioning: removes a branch's environment completely, and nothing that belongs to anyone else."""
