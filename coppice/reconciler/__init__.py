"""What every reconciler shares, whatever it reconciles: readings, plans, outcomes, and the loop that turns
one into the next.
"""
