"""Measurements that the documentation quotes, each by one command: `python -m benchmarks NAME`."""
