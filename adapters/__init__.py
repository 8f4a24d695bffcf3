"""Where the program meets the outside: a folder for each system, which turns its answers into our facts and
its errors into our types.
"""
