"""Programs from Go modules that the project builds for itself; never deployed."""
