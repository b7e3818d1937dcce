c.IPKernelApp.log_level = 40  # noqa: F821  without the notice that the kernel listens on TCP
