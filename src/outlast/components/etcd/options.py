"""What the owner may change of etcd."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, field_validator

from outlast.kernel.invalid import Fault

MEMBERS = (1, 3, 5)


class EtcdOptions(BaseModel):
    """Members are spread over the data machines."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    members: int = Field(3, description="How many members vote: 1, 3 or 5.")

    @field_validator("members")
    @classmethod
    def _odd(cls, members: int) -> int:
        if members in MEMBERS:
            return members
        raise Fault(
            what=f"{members} members of etcd are not possible",
            why="a majority must agree: an even number survives no more losses than the odd one below it, and more "
            "than 5 only make every write slower",
            fix="write 3, which survives the loss of one machine, or 5, which survives two",
        )
