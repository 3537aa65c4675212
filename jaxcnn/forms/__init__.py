"""Equivalent ways to compute a convolution, a pool and their cotangents.

Pure array code on canonical arrays: A (B, *n, C), W (*f, C/groups, K), Z (B, *n_out, K), one
batch axis, padding already resolved into a `Window`. No argument checks and no differentiation
rules: those belong to the operations. Every form of a face is tested to equal every other.

    choice        which of these computes a face of a convolution: one table, by platform and shape
    correlation   all three faces as one cross-correlation each, by lax     (L14, L15)
    eigen         the same in shapes that XLA on a CPU computes by Eigen
    interleaving  dA as convolutions of stride 1, one a phase               (L14)
    depthwise     all three faces of one channel a group, tap by tap
    grouped       groups merged into a few wider ones
    planes        all three faces of three spatial axes by those of two
    folded        conv of few filters, q neighbours of a row at a time
    thin          conv and dW of few channels, each a plane
    products      all three faces of one group as plain matrix products
    winograd      all three faces of 3×3 kernels with 16 products in place of 36
    scatter       dA by adding each window's share where the window lies    (L13)
    im2col        all three faces as one matrix product over patches        (L9)
    shifted       all three faces as a sum over kernel taps
    toeplitz      all three faces by the layer's matrix                     (L10)
    pooling       max and average over the taps of a window                 (L17–L19)
    halves        the same of large windows, by runs of 2, 4, 8 … taps
    uneven        the maximum of windows of uneven size                     (L18)
    phases        the adjoint of the taps of a pool, pixel by pixel
    windows       what the forms share: the taps of a window and their adjoint
    axes          linear maps along one axis, by tables of pixels and weights
    sums          sums that XLA on a CPU leaves to a library, and others
    logarithm     log(1 + x)
    platforms     a form for each platform
"""
