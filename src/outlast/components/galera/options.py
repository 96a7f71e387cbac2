"""What the owner may change of the database."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, model_validator

from outlast.kernel.invalid import Fault
from outlast.kernel.units import Duration, Size, format_duration

FEWEST_MEMBERS = 2
MOST_MEMBERS = 7
# Source: gcomm/src/defaults.cpp of codership/galera; a third of the time-out at the least, so that one lost sign of
# life is not the end of a member.
SHORTEST_KEEPALIVE = 0.1
KEEPALIVES_PER_SUSPICION = 3
# As with Galera's own defaults (5 s and 7.5 s).
SUSPICIONS_PER_INSTALL = 1.5
# The members decide after one, and the messages that say so are repeated every 0.1 s.
SUSPICIONS_OF_A_NEWCOMER = 2.5


class FailureTimers(BaseModel):
    """How fast the members notice that one of them is gone. All of them must have the same.

    The outage is `suspect` and 0.15 to 0.3 s. `install` is no part of it: members that agree are done at once. But when
    it ends before they agree, each gives up the others, nobody is left with a majority, and they stay so until all
    former members are back. Two members can disagree about a third for `suspect` once more, when one of them heard it
    later by a repeated message, and Galera settles that only while `install` lasts `suspect` or longer
    (`asymmetry_elimination` in gcomm/src/evs_proto.cpp). With both at 0.5 s one of six partitions ended so. Galera
    refuses an `install` that is not shorter than `inactive`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    keepalive: Duration = Field(default=0.1, ge=SHORTEST_KEEPALIVE, le=5, description="Between signs of life.")
    suspect: Duration = Field(
        default=0.4, le=60, description="Silent for so long: suspected. This is most of an outage."
    )
    inactive: Duration = Field(
        default=2.0, le=120, description="Silent for so long: out, although others still hear it."
    )
    install: Duration = Field(
        default=1.5, le=60, description="The longest that members may take to agree on who is left."
    )

    @property
    def patient(self) -> float:
        """After how many seconds a member that is about to join suspects another one: later than they suspect it."""
        return round(min(self.suspect * SUSPICIONS_OF_A_NEWCOMER, self.inactive), 3)

    @model_validator(mode="after")
    def _in_order(self) -> FailureTimers:
        least = self.keepalive * KEEPALIVES_PER_SUSPICION
        # A little slack: 3 x 0.1 is 0.30000000000000004.
        if self.suspect < least - 1e-9:
            raise Fault(
                what=f"a member cannot be suspected after {format_duration(self.suspect)}",
                why=f"signs of life come every {format_duration(self.keepalive)}, and fewer than three missing ones "
                "would throw out members that are well",
                fix=f"write at least `{format_duration(round(least, 3))}`",
                at=("suspect",),
            )
        if self.install < self.suspect * SUSPICIONS_PER_INSTALL:
            least = round(self.suspect * SUSPICIONS_PER_INSTALL, 3)
            raise Fault(
                what=f"members cannot agree within {format_duration(self.install)}",
                why="two of them may disagree about a third until they suspect it once more, and whoever has not "
                "agreed by then gives up all others",
                fix=f"write at least `{format_duration(least)}`",
                at=("install",),
            )
        if self.inactive <= self.install:
            raise Fault(
                what=f"`inactive` ({format_duration(self.inactive)}) is not longer than `install`",
                why="a member is suspected first, then the others agree, and whoever is given up comes last",
                fix=f"write more than `{format_duration(self.install)}`",
                at=("inactive",),
            )
        return self


class DatabaseOptions(BaseModel):
    """The defaults survive the loss of any one machine and suit a small site."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    members: int = Field(default=3, description="How many machines hold all of the data.")
    arbiter: bool | None = Field(
        default=None, description="A further machine that votes and holds no data. Left out: when `members` is even."
    )
    buffer_pool: Size = Field(
        default=256 * 1024**2,
        ge=32 * 1024**2,
        description="Memory for data and indexes: most of a real database machine.",
    )
    catch_up: Size = Field(
        default=256 * 1024**2,
        ge=16 * 1024**2,
        description="Changes that members keep for one that was away: with more missed it copies everything.",
    )
    idle_transaction: Duration = Field(
        default=5.0, ge=1, le=3600, description="An app that changed rows and then does nothing for so long loses them."
    )
    timers: FailureTimers = Field(default=FailureTimers(), description="How fast a lost member is noticed.")

    @property
    def has_arbiter(self) -> bool:
        """Whether a voter without data is needed: an even number of votes can end in a draw."""
        return self.members % 2 == 0 if self.arbiter is None else self.arbiter

    @property
    def votes(self) -> int:
        """How many members vote, the arbiter included."""
        return self.members + self.has_arbiter

    @model_validator(mode="after")
    def _has_quorum(self) -> DatabaseOptions:
        if not FEWEST_MEMBERS <= self.members <= MOST_MEMBERS:
            few = self.members < FEWEST_MEMBERS
            raise Fault(
                what=f"{self.members} members of the database are not possible",
                why="with one copy the data dies with its machine" if few else "every member slows down every write",
                fix="write 3, which survives the loss of any one machine",
                at=("members",),
            )
        if self.votes % 2 == 0:
            word = "without" if self.members % 2 == 0 else "and"
            raise Fault(
                what=f"{self.members} members {word} an arbiter make {self.votes} votes, which is an even number",
                why="when the network splits them in halves no half is a majority, and the whole database stops",
                fix=f"remove `arbiter: {str(self.arbiter).lower()}`, or write `members: {self.members + 1}`",
                at=("arbiter",),
            )
        return self
