"""What a preview loads."""

import subprocess
import sys

PROGRAM = "components.immich_mobile_access, components.immich_login, components.isolation, components.settings"
HOST = "providers.authentik, providers.caddy, providers.access"


def test_neither_the_program_nor_the_provider_host_loads_an_http_library_before_a_call() -> None:
    script = f"import sys, {PROGRAM}, {HOST}; print(*({{'requests', 'urllib3', 'cryptography'}} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
