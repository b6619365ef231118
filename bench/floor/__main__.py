"""As many resources that do nothing as the program has of its own: what the engine and its provider host cost."""

import pulumi

from bench.floor.nothing import Nothing

config = pulumi.Config()
rotated = config.get_int("rotated") or 0
for number in range(config.require_int("resources")):
    Nothing(f"nothing-{number}", f"nothing-{number}{'-2' if number < rotated else ''}")
