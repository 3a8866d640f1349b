"""What every backend's settings share: the settings union of a kind is the registry of its implementations."""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict


class BackendSettings(BaseModel):
    """Settings of one implementation. `adapter` is its place ("package.module:Class"), `extra` the extra it needs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    adapter: ClassVar[str]
    extra: ClassVar[str | None] = None
    shared: ClassVar[bool] = True
    """Other processes see what this one stores; where not, web application and worker cannot work together."""
    server: ClassVar[str | None] = None
    """The name of the server program it talks to, as in DAFE_TEST_REQUIRE."""
