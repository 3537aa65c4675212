"""Programs that put the library to work: each module is a `run(config)` and a thin `main`."""
