"""What this library claims and how each claim is checked.

derivation    one operation with its oracle and the cases to compare them on
<operation>   the derivations of the operations in `jaxcnn/<operation>.py`
table         all derivations
ledger        the article's claims L1–L20 and the verdicts that the machine gives them
claims/       the claims, by section of the article
proofs/       the index identities that the claims rest on, proved for every size
"""
