"""The proof that the phone gets through and nothing else does, and finding out why where it does not."""
