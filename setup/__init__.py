"""`python -m setup`: what comes before the first `pulumi up`."""
