"""The cluster: a thin client of the API server's REST interface, and a file for each kind of thing that is
read or written through it.
"""
