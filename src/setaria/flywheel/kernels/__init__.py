"""Compiled loops over households. Each takes plain arrays and adds into arrays; nothing here knows a file or a word.

Features of a fact are the decayed counts of what came before, decay-major over S types and K rates:
R[k S + s] = jump_k sum_{t_j < t, type s} exp(-rate_k (t - t_j)). Facts at equal times do not see each other.
"""
