"""Statistics of connections that need every segment: a second look at the capture, made only when asked for."""
