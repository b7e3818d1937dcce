"""Programs that train until a test accuracy is reached, each for an interpreter of its own."""
