"""Configuration of the kernels that execute the pages."""

c.IPKernelApp.log_level = 40
