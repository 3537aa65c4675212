"""Forms by platform: which one runs is known only as a program is compiled, so all of them are traced."""

from collections.abc import Callable
from typing import Any

from jax import lax


def by_platform(*operands: Any, default: Callable[..., Any], **others: Callable[..., Any]) -> Any:
    """`lax.platform_dependent`, but that a form which is the default's is not traced once more."""
    others = {platform: form for platform, form in others.items() if form is not default}
    return lax.platform_dependent(*operands, default=default, **others) if others else default(*operands)
