"""Windows by walking: put the window down, step by s, stop when it no longer fits.

No size formula is used here, so these can judge the article's (L3–L7). Symbols as in `jaxcnn.window`:
window m, tap j, pixel i, with m·s + j·d − p = i.
"""

import itertools


def starts(n, f, *, s=1, p=(0, 0), d=1):
    """The pixel under the first tap of each window on one axis; negative in the padding.

    >>> starts(5, 3, s=2, p=(1, 1))
    [-1, 1, 3]
    """
    low, high = p
    found = []
    start = -low
    while start + (f - 1) * d < n + high:
        found.append(start)
        start += s
    return found


def coverage(n, f, *, s=1, p=(0, 0), d=1):
    """How many (window, tap) pairs see each pixel of one axis: the article's figure 5.

    >>> coverage(6, 3)
    [1, 2, 3, 3, 2, 1]
    """
    seen = [start + j * d for start in starts(n, f, s=s, p=p, d=d) for j in range(f)]
    return [seen.count(i) for i in range(n)]


def output_size(n, f, s, p, d):
    """The number of windows on each axis, by counting them."""
    return tuple(len(starts(n[a], f[a], s=s[a], p=p[a], d=d[a])) for a in range(len(n)))


def walk(n, f, s, p, d):
    """Every (m, j, i) such that tap j of window m sees pixel i; padding is left out.

    >>> list(walk((2,), (2,), (1,), ((1, 0),), (1,)))
    [((0,), (1,), (0,)), ((1,), (0,), (0,)), ((1,), (1,), (1,))]
    """
    for m in itertools.product(*map(range, output_size(n, f, s, p, d))):
        for j in itertools.product(*map(range, f)):
            i = tuple(m[a] * s[a] + j[a] * d[a] - p[a][0] for a in range(len(n)))
            if all(0 <= i[a] < n[a] for a in range(len(n))):
                yield m, j, i
