"""What the owner may change of the floating addresses."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from outlast.kernel.units import Duration


class AddressOptions(BaseModel):
    """The defaults move an address in less than half a second."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    advert: Duration = Field(0.09, ge=0.05, le=5, description="Between signs of life; three missed move an address.")
    home_delay: Duration = Field(
        5.0, ge=0, le=600, description="Whose edge answered for so long gets its address back."
    )
