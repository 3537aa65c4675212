"""Forms by platform: which one runs is known only as a program is compiled, so all of them are traced.

And what a form asks of the CPU itself.
"""

import functools
import platform
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jax import lax


def by_platform(*operands: Any, default: Callable[..., Any], **others: Callable[..., Any]) -> Any:
    """`lax.platform_dependent`, but that a form which is the default's is not traced once more."""
    others = {platform: form for platform, form in others.items() if form is not default}
    return lax.platform_dependent(*operands, default=default, **others) if others else default(*operands)


@functools.cache
def few_registers() -> bool:
    """Whether this CPU has 16 vector registers, as an x86 without AVX-512, and not 32."""
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return False
    features = Path("/proc/cpuinfo")
    return not features.exists() or "avx512vl" not in features.read_text()
