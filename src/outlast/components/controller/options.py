"""What the owner may change of the controllers."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, field_validator

from outlast.kernel.invalid import Fault

MEMBERS = (0, 1, 3)


class ControllerOptions(BaseModel):
    """Members are spread over the data machines. One leads, the others follow it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    members: int = Field(3, description="How many stand ready to lead: 0, 1 or 3. With 0 nobody heals the site.")

    @field_validator("members")
    @classmethod
    def _known(cls, members: int) -> int:
        if members in MEMBERS:
            return members
        raise Fault(
            what=f"{members} controllers are not possible",
            why="one leads and the others only wait for its end: a third one is for the loss of two machines, and "
            "more would wait for nothing",
            fix="write 3, which survives the loss of two machines, 1, or 0 when nobody shall heal the site",
        )
