"""Programs that train until a test accuracy is reached. `time_to_accuracy` starts each in a new interpreter."""
