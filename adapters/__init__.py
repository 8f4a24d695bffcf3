"""Adapters to the outside systems, a folder for each. They turn answers into types of the core, and errors
into errors of the core.
"""
