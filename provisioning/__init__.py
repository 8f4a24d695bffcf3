"""A branch's environment comes into being, and is kept as its commit says: what is wanted, the plan, and
the steps.
"""
