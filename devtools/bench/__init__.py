"""How fast the program is. Each figure is measured together with a reference, in the same run, because a
number of one machine alone proves nothing.
"""
