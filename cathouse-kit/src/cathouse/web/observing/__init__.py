"""What is seen of a service from outside: log lines, figures, traces."""
