"""What the owner may change of the floating addresses."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from outlast.kernel.units import Duration

MISSED = 10
"""So many signs of life must be missed. Many short ones instead of the usual three: whoever has just sent one may be
silent for nine tenths of the whole time, and not for two thirds of it, before it is taken for lost."""


class AddressOptions(BaseModel):
    """The defaults move an address in less than half a second."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    advert: Duration = Field(0.03, ge=0.02, le=2, description="Between signs of life; ten missed move an address.")
    home_delay: Duration = Field(
        5.0, ge=0, le=600, description="Whose edge answered for so long gets its address back."
    )
