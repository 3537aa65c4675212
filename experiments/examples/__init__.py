"""One small CNN on scikit-learn's digits by jaxcnn in four settings: bare JAX, linen, nnx, equinox."""
