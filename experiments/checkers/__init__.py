"""Gradient checkers, ours and others, tried on planted errors: `python -m experiments.checkers`.

rows       planted errors and right rules, as data           experiments/planted/
checkers   one function each, which gives a verdict          checkers.py
config     what a run depends on                             config.py
runs       each checker on each row, in a process apart      runs.py
outcomes   what was said, counted and shown                  outcomes.py
"""
