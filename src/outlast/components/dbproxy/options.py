"""What the owner may change of the database proxies."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from outlast.kernel.units import Duration


class ProxyOptions(BaseModel):
    """The defaults notice a dead member in about half a second, when the others have agreed that it is gone."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    check: Duration = Field(default=0.15, ge=0.05, le=10, description="Between two questions to a member that is well.")
    deadline: Duration = Field(default=0.2, ge=0.05, le=10, description="A member that answers later has not answered.")
    connections: int = Field(
        default=2000, ge=50, le=20000, description="The most connections that one machine may hold open."
    )
