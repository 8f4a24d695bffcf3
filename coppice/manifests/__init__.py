"""A branch's manifests: the archive they come in, their placeholders, and how their fields are read."""
