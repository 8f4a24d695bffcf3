"""The GitOps controllers that bring a flag from Git to the cluster: what they report, and how they are asked
to look at Git. There is a file for each controller.
"""
