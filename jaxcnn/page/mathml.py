"""Formulas as MathML, from one line of text each.

names and numbers        dA, n_out, rot180, 2
x_y, x^y, x_{y z}        below and above; below and above the sign for Σ
x′                       a prime
frac{x}{y}
floor{x}, ceil{x}, abs{x}, paren{x}    brackets as high as x
"words"                  text
a space between factors  a thin gap
everything else          an operator: + − · ∗ ⊙ = ≠ ≥ ≤ → ⇔ ∈ ∂ [ ] ( ) , : … # |
"""

import re

from jaxcnn.page.elements import Markup, tag

_TOKEN = re.compile(r'"[^"]*"|[A-Za-zͰ-Ͽ][A-Za-z0-9]*|\d+|\s+|\+=|.')
_BRACKETS = "()[]|"
_FENCES = {"floor": "⌊⌋", "ceil": "⌈⌉", "abs": "||", "paren": "()"}


def formula(text: str) -> Markup:
    """A displayed formula; ValueError where its braces do not match."""
    tokens = _TOKEN.findall(text)
    row = _row(tokens, "")
    return tag("math", row, display="block", alttext=text.replace('"', ""))


def _row(tokens: list[str], end: str) -> Markup:
    """What comes before the token `end`, which is taken too."""
    children: list[Markup] = []
    gap = False
    while tokens:
        token = tokens.pop(0)
        if token == end:
            return tag("mrow", children)
        if token.isspace():
            gap = bool(children)
            continue
        if gap and _starts_a_factor(token) and _ends_a_factor(children[-1]):
            children.append(tag("mspace", width="0.25em"))
        gap = False
        children.append(_scripted(_atom(token, tokens), token, tokens))
    if end:
        raise ValueError(f"formula: a {end!r} is missing")
    return tag("mrow", children)


def _atom(token: str, tokens: list[str]) -> Markup:
    if token == "}":
        raise ValueError("formula: a '}' too many")
    if token == "{":
        return _row(tokens, "}")
    if token == "frac":
        return tag("mfrac", _braced(tokens), _braced(tokens))
    if token in _FENCES:
        pair = _FENCES[token]
        return tag("mrow", _fence(pair[0]), _braced(tokens), _fence(pair[1]))
    if token.startswith('"'):
        return tag("mtext", token.strip('"'))
    if token.isdecimal():
        return tag("mn", token)
    if token == "Σ":
        return tag("mo", token, largeop="true", movablelimits="false")
    if token[0].isalpha():
        return tag("mi", token)
    return tag("mo", token, stretchy="false" if token in _BRACKETS else None)


def _fence(sign: str) -> Markup:
    return tag("mo", sign, fence="true", stretchy="true")


def _braced(tokens: list[str]) -> Markup:
    if not tokens or tokens.pop(0) != "{":
        raise ValueError("formula: a '{' is missing")
    return _row(tokens, "}")


def _scripted(base: Markup, token: str, tokens: list[str]) -> Markup:
    """The base with what stands below and above it."""
    below = above = None
    if tokens and tokens[0] == "_":
        tokens.pop(0)
        below = _atom(tokens.pop(0), tokens)
    if tokens and tokens[0] == "^":
        tokens.pop(0)
        above = _atom(tokens.pop(0), tokens)
    elif tokens and tokens[0] == "′":
        above = tag("mo", tokens.pop(0))
    under, over, both = ("munder", "mover", "munderover") if token == "Σ" else ("msub", "msup", "msubsup")
    if below is not None and above is not None:
        return tag(both, base, below, above)
    if below is not None:
        return tag(under, base, below)
    return base if above is None else tag(over, base, above)


def _starts_a_factor(token: str) -> bool:
    return token[0].isalnum() or token[0] in '{"∂'


def _ends_a_factor(element: Markup) -> bool:
    return not element.startswith("<mo") or element.endswith((">]</mo>", ">)</mo>"))
