"""A network of `experiments.networks` by each library: the loss of parameters, images and labels."""
