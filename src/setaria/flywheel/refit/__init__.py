"""Fits made again by themselves: the last few are kept, and what moved since is told.

What does it is a process of its own, `python -m setaria.flywheel.refit`: whoever starts it, a hub or an operator, never
imports numpy, and what a fit needs of memory goes with it. Nothing here may import numpy before a fit begins.
"""
