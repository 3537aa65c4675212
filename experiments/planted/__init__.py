"""Hand-written gradients to try checkers on: planted errors, and right rules that look different.

planted          one row, and the helpers that make rows
convolution … numerical   the rows, a file a field
table            all of them
"""
