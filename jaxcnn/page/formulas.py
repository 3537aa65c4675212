"""Of each claim: what the article prints, what is right, and the functions of the library that say so.

In the notation of `jaxcnn.page.mathml`, one or more lines. A function is `module:name`, with the number of
its equation.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Formulas:
    """The formulas of one claim.

    Attributes:
        printed: as the article has it, read as the ledger reads it; none where it gives none.
        corrected: as it holds.
        functions: (module:name, equation or "").
    """

    printed: str | None
    corrected: str
    functions: tuple[tuple[str, str], ...]


_N_OUT = "n_{out} = floor{frac{n + p + q − d(f − 1) − 1}{s}} + 1"
_CONV = "Z[m,o] = Σ_{j,c} A_{pad}[m·s + j·d, c] W[j,c,o] + b[o]"
_CORRELATION = "Z[m,n] = Σ_j Σ_k h[j,k] f[m + j, n + k]"

FORMULAS: dict[str, Formulas] = {
    "L1": Formulas(
        "G[m,n] = (f ∗ h)[m,n] = Σ_j Σ_k h[j,k] f[m − j, n − k]",
        _CORRELATION,
        (("jaxcnn.convolution:convolve", ""), ("jaxcnn.convolution:conv", "C.1")),
    ),
    "L2": Formulas("Z = f ∗ h", "Z = f ∗ rot180(h)", (("jaxcnn.convolution:conv", "C.1"),)),
    "L3": Formulas(
        "n → n − f + 1 → n − 2(f − 1) → … → 0",
        'floor{frac{n − 1}{f − 1}} "times, where" f > 1',
        (("jaxcnn.window:valid_convolutions", ""),),
    ),
    "L4": Formulas(
        'p > 0 ⇒ c[i] = c[k] "for all pixels" i, k',
        'c[i] = "number of" (m, j) "with" m·s + j·d − p = i',
        (("jaxcnn.window:coverage", "W.4"),),
    ),
    "L5": Formulas(
        "p = frac{f − 1}{2} ⇒ n_{out} = n",
        "p = frac{d(f − 1)}{2} ⇒ n_{out} = ceil{frac{n}{s}}",
        (("jaxcnn.window:same_padding", ""),),
    ),
    "L6": Formulas(
        "n_{out} = abs{frac{n_{in} + 2p − f}{s} + 1}", _N_OUT, (("jaxcnn.window:output_size", "W.2"),)
    ),
    "L7": Formulas(
        "[n, n, c] ∗ [f, f, c] = ceil{abs{frac{n + 2p − f}{s} + 1}, abs{frac{n + 2p − f}{s} + 1}, n_f}",
        "[n_1, n_2, c] ∗ [f_1, f_2, c] = [n_{out,1}, n_{out,2}, n_f]\n"
        "n_{out,a} = floor{frac{n_a + p_a + q_a − d_a(f_a − 1) − 1}{s_a}} + 1",
        (("jaxcnn.window:resolve", "W.2"),),
    ),
    "L8": Formulas(
        "channels(W) = channels(A)",
        "channels(W) = frac{channels(A)}{groups}",
        (("jaxcnn.convolution:conv", "C.1"),),
    ),
    "L9": Formulas("Z = W · A + b\nA = g(Z)", _CONV, (("jaxcnn.convolution:conv", "C.1"),)),
    "L10": Formulas(
        'T[m,i] = 0 "where window" m "does not see pixel" i',
        'vec Z = T vec A\nT[m,i] = W[j] "where" m·s + j·d − p = i, "else" 0',
        (("jaxcnn.forms.toeplitz:matrix", ""),),
    ),
    "L11": Formulas(
        'frac{∂Z[m]}{∂W[j]} ≠ 0 "for all" m, j',
        "frac{∂Z[m]}{∂W[j]} ≠ 0 ⇔ 0 ≤ m·s + j·d − p < n",
        (("jaxcnn.window:Window.inside", "W.1"),),
    ),
    "L12": Formulas("dZ = dA ∗ g′(Z)", "dZ = J^T dA", (("jaxcnn.activations:activation_dZ", ""),)),
    "L13": Formulas(
        "dA += Σ_{m=0}^{n_h} Σ_{n=0}^{n_w} W · dZ[m,n]",
        "dA_{pad}[m·s : m·s + e : d] += Σ_o W[…,o] dZ[m,o]",
        (("jaxcnn.convolution:conv_dA", "C.2"), ("jaxcnn.forms.scatter:conv_dA", "")),
    ),
    "L14": Formulas(
        'dA = dZ ∗ rot180(W), "full"',
        "dA[i,c] = Σ_{u,o} spread(dZ)[i + p − (e − 1) + u·d, o] rot180(W)[u,o,c]",
        (("jaxcnn.convolution:conv_dA", "C.2"), ("jaxcnn.forms.correlation:conv_dA", "")),
    ),
    "L15": Formulas(
        None,
        "dW[j,c,o] = Σ_{b,m} A_{pad}[b, m·s + j·d, c] dZ[b,m,o]",
        (("jaxcnn.convolution:conv_dW", "C.3"),),
    ),
    "L16": Formulas(None, "db[o] = Σ_{b,m} dZ[b,m,o]", (("jaxcnn.convolution:conv_db", "C.4"),)),
    "L17": Formulas(
        'c[i] = 1 "for every pixel" i',
        'c[i] = "number of" (m, j) "with" m·s + j·d = i',
        (("jaxcnn.pooling:max_pool", "P.1"), ("jaxcnn.window:coverage", "W.4")),
    ),
    "L18": Formulas(
        'dA[i] = dZ[m] "where" A[i] = Z[m], "else" 0',
        "dA[i] = Σ_{m : m·s + k[m]·d − p = i} dZ[m]",
        (("jaxcnn.pooling:max_pool_dA", "P.2"), ("jaxcnn.pooling:max_pool_mask", "")),
    ),
    "L19": Formulas(
        "dA[i] = Σ_m frac{∂Z[m]}{∂A[i]} dZ[m]",
        '"average:" dA[i] = Σ_m frac{dZ[m]}{c[m]}\n'
        '"Lp:" dA[i] = Σ_m sign(A[i]) paren{frac{|A[i]|}{Z[m]}}^{P − 1} dZ[m]',
        (("jaxcnn.pooling:avg_pool_dA", "P.4"), ("jaxcnn.lp_pooling:lp_pool", "P.6")),
    ),
    "L20": Formulas("dZ = y − t", "dZ = y Σ_k t_k − t", (("jaxcnn.losses:softmax_cross_entropy", "E.1"),)),
}
