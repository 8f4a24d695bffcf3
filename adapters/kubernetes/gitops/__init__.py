"""The GitOps controllers that apply a flag's commit to the cluster: what they report, and how they are asked
to read Git again. There is a file for each controller.
"""
