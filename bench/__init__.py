"""Benchmarks: what a run costs in calls, seconds and memory, beside the engine's own floor."""
