"""A branch's manifests: reading the archive, replacing placeholders, and reading fields of objects."""
