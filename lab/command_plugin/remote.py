"""command:remote:*: a command or a file on a host behind SSH, whose key is checked where one is given."""

import asyncio
import itertools
import os
from collections.abc import Awaitable, Callable
from typing import Any

import asyncssh

from lab.command_plugin.failure import Failure, failed


def run(command: str, inputs: dict[str, Any], _former: dict[str, Any]) -> dict[str, str]:
    """Run the command and give its outputs."""

    async def use(connection: asyncssh.SSHClientConnection) -> dict[str, str]:
        done = await connection.run(command, input=inputs.get("stdin", ""), env=inputs.get("environment", {}))
        stdout, stderr = str(done.stdout), str(done.stderr)
        if done.exit_status != 0:
            raise failed(f"Process exited with status {done.exit_status}", command, stdout + stderr)
        return {"stdout": stdout.removesuffix("\n"), "stderr": stderr.removesuffix("\n")}

    return asyncio.run(_connected(inputs["connection"], use))


def copy(inputs: dict[str, Any]) -> dict[str, str]:
    """Copy a file, or a text, to a path on the host."""
    source, path = inputs["source"], inputs["remotePath"]

    async def use(connection: asyncssh.SSHClientConnection) -> dict[str, str]:
        async with connection.start_sftp_client() as sftp:
            if "text" in source:
                async with sftp.open(path, "w") as file:
                    await file.write(source["text"])
            else:
                await sftp.put(source["path"], path)
        return {}

    try:
        return asyncio.run(_connected(inputs["connection"], use))
    except (asyncssh.SFTPError, OSError) as error:
        raise Failure(f"failed to copy to remote path {path}: {error}") from error


async def _connected(
    to: dict[str, Any], use: Callable[[asyncssh.SSHClientConnection], Awaitable[dict[str, str]]]
) -> dict[str, str]:
    limit = int(to.get("dialErrorLimit", 10))
    key = asyncssh.import_private_key(to["privateKey"], to.get("privateKeyPassword")) if "privateKey" in to else None
    trusted: Any = ([asyncssh.import_public_key(to["hostKey"])], [], []) if "hostKey" in to else None
    for dials in itertools.count(1):
        try:
            connection = await asyncssh.connect(
                to["host"],
                int(to.get("port", 22)),
                username=to.get("user", "root"),
                password=to.get("password"),
                client_keys=[key] if key else None,
                agent_path=os.environ.get("SSH_AUTH_SOCK"),
                known_hosts=trusted,
                config=[],
                connect_timeout=to.get("perDialTimeout", 15),
            )
        except (OSError, asyncssh.Error) as error:
            if -1 < limit < dials:
                raise Failure(f"after {dials - 1} failed attempts: {error}") from error
            await asyncio.sleep(min(0.1 * 1.5**dials, 5))
            continue
        async with connection:
            return await use(connection)
    raise AssertionError
