"""The container engine: what the harness asks of it, with errors that say what to do."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from poolsim.harness import ending, files
from poolsim.harness.cluster.settings import (
    LABEL,
    LABEL_ADDRESS,
    LABEL_NODE,
    LABEL_NODES,
    LABEL_OWNER,
    MEMORY_MIB,
    STARTING,
    container_name,
    environment,
)
from poolsim.harness.not_ready import NotReady
from poolsim.harness.place import Place

_ANSWERS_WITHIN_S = 60

# A container that is being created when its program is killed appears a moment later.
_QUIET_S = 0.6


class Engine:
    """A connection to the container engine of this machine."""

    def __init__(self) -> None:
        """Connect.

        Raises:
            NotReady: No engine answers, or it cannot serve loopback addresses of this machine.
        """
        # Half a second of imports, which nobody else has to wait for.
        import docker

        with _errors():
            self._client: Any = docker.from_env(timeout=_ANSWERS_WITHIN_S)
            try:
                self._info: dict[str, Any] = self._client.info()
            except BaseException:
                self._client.close()
                raise
        if any("rootless" in option for option in self._info.get("SecurityOptions") or ()):
            self.close()
            raise NotReady(
                "the container engine runs without root, so its containers have a loopback of "
                "their own: the cluster needs an engine that runs as root"
            )

    def close(self) -> None:
        """Give the connection back."""
        self._client.close()

    def containers(self, place: Place) -> list[Any]:
        """All containers of a harness, running or not, by node."""
        with _errors():
            found: list[Any] = self._client.containers.list(
                all=True, filters={"label": f"{LABEL}={place.name}"}, ignore_removed=True
            )
        return sorted(found, key=lambda container: int(container.labels.get(LABEL_NODE, 0)))

    def start_node(self, place: Place, node: int, nodes: int, image: str, owner: str) -> Any:
        """Create and start the container of a node, counted from 1, of so many.

        A signal waits until that is done: a half-created container would escape the cleaning.
        """
        with ending.held(), _errors():
            return self._client.containers.run(
                image,
                detach=True,
                name=container_name(place, node) + STARTING,
                environment=environment(place, node, nodes),
                labels={
                    LABEL: place.name,
                    LABEL_NODE: str(node),
                    LABEL_NODES: str(nodes),
                    LABEL_ADDRESS: place.address(node),
                    LABEL_OWNER: owner,
                },
                network_mode="host",
                mem_limit=f"{MEMORY_MIB}m",
                memswap_limit=f"{MEMORY_MIB}m",
                log_config={"Type": "json-file", "Config": {"max-size": "20m", "max-file": "1"}},
            )

    def remove_all(self, place: Place) -> list[str]:
        """Remove all containers of a harness with their data; gives their names.

        Looks again until none has appeared for a while.
        """
        import docker

        removed: list[str] = []
        quiet_since = time.monotonic()
        while time.monotonic() - quiet_since < _QUIET_S:
            for container in self.containers(place):
                with _errors():
                    try:
                        container.remove(force=True, v=True)
                    except docker.errors.NotFound:
                        pass
                    except docker.errors.APIError as error:
                        # Another program removes it just now.
                        if error.status_code != 409:
                            raise
                        continue
                removed.append(container.name)
                quiet_since = time.monotonic()
            time.sleep(0.05)
        return list(dict.fromkeys(removed))

    def has_image(self, image: str) -> bool:
        """Whether an image is there already."""
        import docker

        with _errors():
            try:
                self._client.images.get(image)
            except docker.errors.ImageNotFound:
                return False
        return True

    def pull(self, image: str) -> str | None:
        """Pull an image; gives why that failed, None when it is there now."""
        import docker

        repository, _, tag = image.rpartition(":")
        try:
            self._client.images.pull(repository, tag=tag)
        except docker.errors.APIError as error:
            return str(error.explanation or error)
        except (docker.errors.DockerException, OSError) as error:
            return str(error)
        return None


@contextmanager
def connected() -> Iterator[Engine]:
    """A connection to the engine for a block."""
    engine = Engine()
    try:
        yield engine
    finally:
        engine.close()


@contextmanager
def _errors() -> Iterator[None]:
    """Say what an error of the engine means."""
    import docker
    import requests

    try:
        yield
    except docker.errors.APIError as error:
        raise NotReady(f"the container engine refuses: {error.explanation or error}") from error
    except (docker.errors.DockerException, requests.RequestException) as error:
        if "Permission denied" in str(error):
            raise NotReady(
                "the container engine may not be used by this user: run as root, or let an "
                "administrator add you to the group docker"
            ) from error
        script = files.directory() / "image" / "engine.sh"
        raise NotReady(
            "no container engine answers: install Docker and start it (as root on Debian, "
            f"`bash {script} start` does both), or name one in DOCKER_HOST"
        ) from error


def engine_errors() -> Any:
    """Turn errors of the engine in a block into `NotReady`."""
    return _errors()
