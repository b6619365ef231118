"""What the providers' messages call an argument: the setting that it comes from. Pure."""

from typing import Final

NAMED: Final = {
    "action": "immich:isolation",
    "adopt": "immich:adopt",
    "bindings": "immich:peopleGroups",
    "former": "`overlap` from the phone in immich:phones",
    "signing_key": "immich:loginCertificate",
}
