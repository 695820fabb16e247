"""Benchmarks of every stage, run by asv; see CONTRIBUTING.md."""
