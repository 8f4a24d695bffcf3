"""The cluster: one thin client over the API server's REST interface, and a file for each thing that is read
or written there.
"""
