"""What is wrong between the phone and Immich, looked at and never changed."""
