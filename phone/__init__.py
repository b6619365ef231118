"""What the operator hands to a phone: the list of phones, a QR code in the terminal, a sealed page."""
