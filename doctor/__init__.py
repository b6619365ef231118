"""Why a phone does or does not get through: the chain from the phone to Immich, looked at without changing it."""
