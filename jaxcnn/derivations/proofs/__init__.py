"""Proofs of the index identities behind the derivations: for every size at once.

identity      an identity, the proof of one, and `prove`
symbolic      integers and truth values that stand for all values at once, over z3 (extra `prove`)
relations     which pixel meets which tap and window, as each form computes it
<family>      the identities: sizes, coverage, convolution, pooling
table         all identities
"""
