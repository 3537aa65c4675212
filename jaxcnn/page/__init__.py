"""The ledger as a page: one HTML file that needs no network, built from the report of `jaxcnn verify`.

document     the whole page
claims       a claim: formulas, verdict, counterexample, evidence, the function
tables       the summary's table, the index identities, the operations
formulas     what each claim prints and how it is corrected, and the function that implements it
mathml       formulas as MathML
matrices     numbers as small tables
sources      where a function stands and what it says
elements     tags, escaped
style.css    how it looks: light, dark, narrow, printed
"""
