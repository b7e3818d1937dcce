"""The operating system: files, locks, signals, start-up of jax and several processes."""
