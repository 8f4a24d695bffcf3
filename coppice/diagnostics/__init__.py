"""What only an explanation looks at: how a pod signs in, link by link, and single objects."""
