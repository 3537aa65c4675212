"""The libraries: each file gives a row's operation by one of them, as a function of arrays in its own layout.

A file has `function(row)`: the operation, or None where the library has none.
"""
