"""Kubernetes' control plane, etcd and kubectl, pinned as Go tools; and how to pin another version."""
