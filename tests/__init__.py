"""Tests by claim, a folder for each tier."""

import os

# Else what is forked while a host of providers runs says now and then that one of gRPC's descriptors is closed.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
