"""How fast the program is, each figure measured beside what bounds it, in the same run: a number that holds
on one machine alone says nothing.
"""
