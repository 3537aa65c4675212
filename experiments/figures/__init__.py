"""The article's pictures, figures 2 to 13, drawn again: every number is computed as they are drawn."""
