"""The article's printed formulas as plain NumPy loops: what `jaxcnn verify` judges.

Written to be read beside the article, one loop an equation, and importing nothing of jaxcnn, so that they
share no mistake with what they are compared with. Channels last; stride s and dilation d have one entry
an axis, padding p one (low, high) pair an axis. On integer-valued float64 every linear one is exact.

    window        placing a window by walking over the pixels       (L3–L7)
    convolution   true convolution, convolution layer, dA, dW, db   (L1, L9, L13–L16)
    pooling       max, average and Lp pooling, forward and backward (L17–L19)
    activations   g and g′                                          (L12)
    losses        softmax with cross-entropy                        (L20)
"""
