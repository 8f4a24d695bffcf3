"""A branch's environment: its names, the parts it is made of, what is wanted of them and what is ours."""
