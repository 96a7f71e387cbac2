"""What the owner may change of the edge."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from outlast.kernel.units import Duration


class Timeouts(BaseModel):
    """How long the edge waits."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    # A connection within a data centre takes milliseconds. A machine that vanished answers nothing at all: each
    # request that meets it costs this much before it is sent to another one.
    connect: Duration = Field(0.3, ge=0.01, le=5, description="Time to reach an app machine before trying another one.")
    server: Duration = Field(60.0, ge=1, le=3600, description="How long an app may be silent within an answer.")
    client: Duration = Field(60.0, ge=1, le=3600, description="How long a client may be silent within a request.")


class EdgeOptions(BaseModel):
    """The edge needs no settings; these are for the few who know better."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    retries: int = Field(3, ge=0, le=10, description="Attempts after the first on other app machines.")
    timeouts: Timeouts = Field(
        default_factory=lambda: Timeouts.model_validate({}), description="How long the edge waits."
    )
    reuse: bool = Field(
        False, description="Keep connections to apps for further requests: cheaper, but a lost machine is felt longer."
    )
    hsts: bool = Field(False, description="Tell browsers to use HTTPS only, for a year. Needs a public certificate.")
