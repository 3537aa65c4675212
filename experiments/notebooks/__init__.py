"""Notebooks that walk through the article, check a rule, and look inside a network."""
